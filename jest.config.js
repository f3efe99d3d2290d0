// Three projects in one run: `unit` needs nothing; `stack` shares one PostgreSQL and one Temporal server, which its
// global setup starts only when a test of it is run; `processes` starts processes of its own. They come in this order.
const shared = {
  testEnvironment: 'node',
  setupFilesAfterEnv: ['<rootDir>/test/stack/property-seed.ts'],
  extensionsToTreatAsEsm: ['.ts', '.tsx'],
  transform: {
    '^.+\\.tsx?$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', tsx: true },
          transform: { react: { runtime: 'automatic', importSource: 'hono/jsx' } },
        },
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/.data/'],
};

/** Folders of tests that need neither a database nor a server. */
const unitFolders = ['domain', 'sandbox', 'config', 'oracles', 'simulation', 'mutations', 'bench', 'client'];

/** Folders of tests that start the product's processes themselves. */
const processFolders = ['supervisor', 'chaos'];

const inFolders = (folders) => folders.map((folder) => `<rootDir>/test/${folder}/**/*.test.{ts,tsx}`);

/** @type {import('jest').Config} */
export default {
  maxWorkers: 2,
  // Only a hang runs into it. How long a wait may take on a busy machine is no property of the product.
  testTimeout: 300_000,
  testSequencer: '<rootDir>/test/stack/sequencer.js',
  projects: [
    {
      ...shared,
      displayName: 'unit',
      testMatch: inFolders(unitFolders),
    },
    {
      ...shared,
      displayName: 'stack',
      setupFilesAfterEnv: [...shared.setupFilesAfterEnv, '<rootDir>/test/stack/each-step-setup.ts'],
      testMatch: ['<rootDir>/test/**/*.test.{ts,tsx}'],
      testPathIgnorePatterns: [
        '/node_modules/',
        ...[...unitFolders, ...processFolders].map((folder) => `<rootDir>/test/${folder}/`),
      ],
      globalSetup: '<rootDir>/test/stack/jest-setup.js',
      globalTeardown: '<rootDir>/test/stack/jest-teardown.js',
    },
    {
      ...shared,
      displayName: 'processes',
      testMatch: inFolders(processFolders),
      globalSetup: '<rootDir>/test/stack/jest-processes-setup.js',
    },
  ],
};
