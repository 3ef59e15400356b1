/**
 * The one door to ssh2, which is CommonJS with optional native parts. In a checkout this is the package itself;
 * in the published one scripts/build.ts bundles ssh2's JavaScript, without anything native.
 */
export { default as ssh2 } from 'ssh2';
