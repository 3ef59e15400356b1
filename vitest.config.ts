import { defineConfig } from 'vitest/config';

/**
 * Five kinds of tests, by what they need:
 *   unit     beside their source; nothing but Node
 *   arch     the rules of the house: imports, sizes, docs that must agree with the code
 *   e2e      real sshd, nginx, ssh, the real gateway; one file at a time
 *   fault    the network is broken on purpose; one file at a time
 *   browser  headless Chromium
 */
const common = { setupFiles: ['test/support/remove-temporary-folders.ts'] };
const serial = { ...common, fileParallelism: false, testTimeout: 60_000, hookTimeout: 120_000 } as const;

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts'], ...common, testTimeout: 15_000 } },
      { test: { name: 'arch', include: ['test/arch/**/*.test.ts'], ...common, testTimeout: 30_000 } },
      { test: { name: 'e2e', include: ['test/e2e/**/*.test.ts'], ...serial } },
      { test: { name: 'fault', include: ['test/fault/**/*.test.ts'], ...serial } },
      { test: { name: 'browser', include: ['test/browser/**/*.test.ts'], ...serial } },
    ],
  },
});
