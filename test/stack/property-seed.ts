// With PROPERTY_SEED the properties of fast-check try the same cases on every run; without it they search anew.
import process from 'node:process';

const seed = process.env['PROPERTY_SEED'];
if (seed !== undefined) {
  const { configureGlobal, readConfigureGlobal } = await import('fast-check');
  configureGlobal({ ...readConfigureGlobal(), seed: Number(seed) });
}
