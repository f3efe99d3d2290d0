// Stops what jest-setup.js started.
export default async function teardown() {
  await globalThis.stopSharedStack?.();
}
