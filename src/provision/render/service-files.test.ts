import fc from 'fast-check';
import { parse as parsePlist } from 'plist';
import { describe, expect, test } from 'vitest';
import { isPosternError } from '../../core/errors/index.ts';
import { ODD_SERVICE, PLAIN_SERVICE, anyService } from '../../../test/support/service-input.ts';
import { elementAt, parseXml } from '../../../test/support/xml.ts';
import { launchdPlist } from './service-launchd.ts';
import { SERVICE_MARK, type ServiceInput, serviceName } from './service-input.ts';
import { systemdUnit } from './service-systemd.ts';
import { encodeTask, quoteWindowsArgument, taskXml } from './service-task.ts';

/** What the Task Scheduler would replace, taken out. */
const tame = (input: ServiceInput): ServiceInput =>
  JSON.parse(JSON.stringify(input).replaceAll('%', '').replaceAll('$', '')) as ServiceInput;

describe('the files are as recorded', () => {
  test.each([
    ['systemd.service', systemdUnit(PLAIN_SERVICE)],
    ['systemd-odd.service', systemdUnit(ODD_SERVICE)],
    ['launchd.plist', launchdPlist(PLAIN_SERVICE)],
    ['launchd-odd.plist', launchdPlist(ODD_SERVICE)],
    ['task.xml', taskXml(PLAIN_SERVICE)],
    ['task-odd.xml', taskXml(tame(ODD_SERVICE))],
  ])('%s', async (name, text) => {
    await expect(text.replaceAll('\r\n', '\n')).toMatchFileSnapshot(`../../../test/golden/service/${name}`);
    expect(text).toContain(SERVICE_MARK);
  });
});

/** systemd.syntax(7): words in double quotes with C-style escapes, %% for %. */
function readWords(line: string): string[] {
  return [...line.matchAll(/"((?:[^"\\]|\\.)*)"( |$)/g)].map(([, word = '']) =>
    word.replaceAll(/\\(.)/g, '$1').replaceAll('%%', '%'),
  );
}

const valuesOf = (unit: string, key: string): string[] =>
  unit
    .split('\n')
    .filter((line) => line.startsWith(`${key}=`))
    .map((line) => line.slice(key.length + 1));

/** The text, or undefined where the value was refused. */
function rendered(render: (input: ServiceInput) => string, input: ServiceInput): string | undefined {
  try {
    return render(input);
  } catch (error) {
    if (isPosternError(error) && error.code === 'SERVICE_VALUE_UNSAFE') return undefined;
    throw error;
  }
}

describe('whatever stands in a path comes out of the file again', () => {
  test('systemd', () => {
    fc.assert(
      fc.property(anyService, (input) => {
        const unit = rendered(systemdUnit, input);
        if (unit === undefined) return;
        const [command = ''] = valuesOf(unit, 'ExecStart');
        expect(readWords(command)).toEqual([`:${input.node}`, input.program, ...input.arguments]);
        const variables = valuesOf(unit, 'Environment').flatMap(readWords);
        expect(variables).toEqual(
          Object.entries(input.environment).map(([name, value]) => `${name}=${value}`),
        );
        expect(valuesOf(unit, 'WorkingDirectory')).toEqual([input.root.replaceAll('%', '%%')]);
      }),
    );
  });

  test('launchd, read by another program', () => {
    fc.assert(
      fc.property(anyService, (input) => {
        const text = launchdPlist(input);
        parseXml(text);
        expect(parsePlist(text)).toMatchObject({
          Label: input.name,
          ProgramArguments: [input.node, input.program, ...input.arguments],
          WorkingDirectory: input.root,
          EnvironmentVariables: input.environment,
          StandardErrorPath: input.logFile,
          KeepAlive: true,
          ThrottleInterval: 5,
          SoftResourceLimits: { NumberOfFiles: 8192 },
        });
      }),
    );
  });

  test('the Task Scheduler', () => {
    fc.assert(
      fc.property(anyService, (input) => {
        const text = rendered(taskXml, input);
        if (text === undefined) return;
        const root = parseXml(text.replace(/^.*\r\n/, ''));
        const action = elementAt(root, 'Actions', 'Exec');
        expect(elementAt(action, 'Command').text).toBe(input.node);
        expect(readWindowsArguments(elementAt(action, 'Arguments').text)).toEqual([
          input.program,
          ...input.arguments,
        ]);
        expect(elementAt(root, 'Triggers', 'LogonTrigger', 'UserId').text).toBe(input.account);
      }),
    );
  });

  test('an argument for Windows', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom('a', '\\', '"', ' ') })), (given) => {
        expect(readWindowsArguments(given.map(quoteWindowsArgument).join(' '))).toEqual(given);
      }),
    );
  });
});

/** CommandLineToArgvW, as Microsoft documents it, for arguments that stand in quotes. */
function readWindowsArguments(line: string): string[] {
  const found: string[] = [];
  let current: string | undefined;
  let isQuoted = false;
  for (let at = 0; at < line.length;) {
    const slashes = /^\\*/.exec(line.slice(at))?.[0].length ?? 0;
    const next = line[at + slashes];
    if (next === '"') {
      current = (current ?? '') + '\\'.repeat(Math.floor(slashes / 2));
      if (slashes % 2 === 1) current += '"';
      else isQuoted = !isQuoted;
      at += slashes + 1;
    } else if (slashes > 0) {
      current = (current ?? '') + '\\'.repeat(slashes);
      at += slashes;
    } else if (next === ' ' && !isQuoted) {
      if (current !== undefined) found.push(current);
      current = undefined;
      at++;
    } else {
      current = (current ?? '') + next;
      at++;
    }
  }
  return current === undefined ? found : [...found, current];
}

describe('what cannot be written down is refused', () => {
  test.each([
    ['a line end', systemdUnit, { root: '/home/a\nExecStartPre=/bin/evil' }],
    ['a line end in a variable', systemdUnit, { environment: { PATH: '/bin\nUser=root' } }],
    ['a control character', launchdPlist, { root: '/home/a\u0001' }],
    ['half a character', launchdPlist, { program: '/home/\ud800/postern.js' }],
    ['a quote in the program that systemd starts', systemdUnit, { node: '/opt/"x"/node' }],
    ['a folder that ends in a backslash', systemdUnit, { root: '/home/a\\' }],
    ['a folder that ends in a blank', systemdUnit, { root: '/home/a ' }],
    ['a variable of Windows', taskXml, { program: String.raw`C:\%TEMP%\postern.js` }],
    ['a variable of the scheduler', taskXml, { arguments: ['up', '$(Arg0)'] }],
  ])('%s', (_name, render, change) => {
    expect(rendered(render, { ...PLAIN_SERVICE, ...change })).toBeUndefined();
  });
});

test('the task file is UTF-16LE with a byte order mark', () => {
  const bytes = encodeTask(taskXml({ ...PLAIN_SERVICE, account: String.raw`HOME\Ädä` }));
  expect([...bytes.subarray(0, 4)]).toEqual([0xff, 0xfe, 0x3c, 0x00]);
  expect(bytes.toString('utf16le')).toContain(String.raw`HOME\Ädä`);
});

test('two home folders have two services', () => {
  expect(serviceName('/home/a/.postern', '/home/a/.postern')).toBe('postern');
  expect(serviceName('/srv/one', '/home/a/.postern')).toMatch(/^postern-[0-9a-f]{8}$/);
  expect(serviceName('/srv/one', '/home/a/.postern')).not.toBe(serviceName('/srv/two', '/home/a/.postern'));
});
