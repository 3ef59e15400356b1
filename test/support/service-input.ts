import fc from 'fast-check';
import type { ServiceInput } from '../../src/provision/render/service-input.ts';

/** The golden files' service. */
export const PLAIN_SERVICE: ServiceInput = {
  name: 'postern',
  node: '/usr/local/bin/node',
  program: '/usr/local/lib/node_modules/postern/bin/postern.js',
  arguments: ['up'],
  root: '/home/ada/.postern',
  logFile: '/home/ada/.postern/log/service.log',
  environment: { PATH: '/usr/local/bin:/usr/bin:/bin' },
  account: String.raw`HOME\ada`,
};

/** Everything that a path may hold and that means something to one of the three formats. */
export const ODD_SERVICE: ServiceInput = {
  name: 'postern-0a1b2c3d',
  node: '/opt/node 24 & co/50%/$bin/node',
  program: `/home/ada "lovelace"/<it's>/100%d/$HOME/\${x}/back\\slash;#/bin/postern.js`,
  arguments: ['up', '--config', '/home/ada/my config "1" & <2> 50%.yaml'],
  root: '/home/ada/post ern & "co" 100%/$x',
  logFile: `/home/ada/post ern/log <'&'>.log`,
  environment: { PATH: '/usr/bin:/bin', POSTERN_HOME: '/home/ada/post ern & "co" 100%/$x' },
  account: String.raw`HOME\ada & <bob>`,
};

/** Path parts made of what is hard to write down. */
const part = fc.string({
  unit: fc.constantFrom(...Array.from('ab 1"\'&<>%$\\`~#;{}()=-é漢'), '🦀'),
  minLength: 1,
  maxLength: 12,
});
const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => `/${parts.join('/')}`);

/** Services with paths full of special characters. */
export const anyService: fc.Arbitrary<ServiceInput> = fc.record({
  name: fc.constant('postern'),
  node: path,
  program: path,
  arguments: fc.array(path, { maxLength: 2 }).map((more) => ['up', ...more]),
  root: path,
  logFile: path,
  environment: fc.record({ PATH: path, POSTERN_HOME: path }),
  account: part,
});
