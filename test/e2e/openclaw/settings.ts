import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, beforeEach, expect, test } from 'vitest';
import { judgeStrangerAnswer } from '../../../src/gateway/stranger-guard.ts';
import type { Resource, World } from '../../../src/provision/contract.ts';
import { gatewaySettings } from '../../../src/provision/resources/gateway-settings.ts';
import type { SettingsState } from '../../../src/provision/resources/gateway-settings-values.ts';
import type { OpenClaw } from '../../support/openclaw.ts';
import { makeTestFolder } from '../../support/temporary-folder.ts';
import { waitFor } from '../../support/wait-for.ts';

const NAME = 'chat.example.test';
const WORLD = {} as World;
/** Its program takes seconds for each command, and the gateway some more to read its settings again. */
const TIMEOUT_MS = 150_000;

let gateway: OpenClaw;
let folder: string;
let original: string;

/**
 * The settings resource on the real gateway while it runs: the guard, asked as a stranger, sees it open and shut.
 * Each test starts from the file as the gateway's operator has written it, before Postern's settings.
 * @param running the gateway that the tests of this file share
 */
export function testSettings(running: () => OpenClaw): void {
  beforeAll(async () => {
    gateway = running();
    folder = makeTestFolder('pg-');
    await gateway.configure(({ gateway: settings }) => {
      delete settings.trustedProxies;
      delete settings.controlUi;
    });
    original = await readFile(gateway.configFile, 'utf8');
    const wrapper = join(folder, 'openclaw');
    const words = gateway.command.map((word) => `'${word}'`).join(' ');
    await writeFile(wrapper, `#!/bin/sh\nexec ${words} "$@"\n`);
    await chmod(wrapper, 0o755);
  });
  beforeEach(async () => {
    await rm(join(folder, 'kept'), { recursive: true, force: true });
    await writeFile(gateway.configFile, original);
    await guardSays('GATEWAY_PROXY_UNTRUSTED');
  }, TIMEOUT_MS);

  test(
    'a file with comments is edited in place, the running gateway takes it, and back again',
    async () => {
      const text = commented();
      await writeFile(gateway.configFile, text);
      const resource = settings('without');
      const before = await apply(resource);
      await guardSays('open');
      const after = await readFile(gateway.configFile, 'utf8');
      expect(commentsIn(after)).toEqual(commentsIn(text));
      await undo(resource, before);
      await guardSays('GATEWAY_PROXY_UNTRUSTED');
      expect(await readFile(gateway.configFile, 'utf8')).toBe(text);
    },
    TIMEOUT_MS,
  );

  test(
    'with comments and its program at hand, the program judges the edit and the comments stay',
    async () => {
      const text = commented();
      await writeFile(gateway.configFile, text);
      await apply(settings('with its program'));
      await guardSays('open');
      expect(commentsIn(await readFile(gateway.configFile, 'utf8'))).toEqual(commentsIn(text));
    },
    TIMEOUT_MS,
  );

  test(
    'plain JSON is changed by its own program, and comes back byte for byte',
    async () => {
      const resource = settings('with its program');
      const before = await apply(resource);
      await guardSays('open');
      await undo(resource, before);
      await guardSays('GATEWAY_PROXY_UNTRUSTED');
      expect(await readFile(gateway.configFile, 'utf8')).toBe(original);
    },
    TIMEOUT_MS,
  );

  test(
    'settings that the gateway would not take are taken back',
    async () => {
      const text = `// odd\n${original.replace('"gateway": {', '"gateway": { "noSuchKey": 1,')}`;
      await writeFile(gateway.configFile, text);
      const resource = settings('with its program');
      const { state } = await resource.observe(WORLD);
      await expect(resource.put(WORLD, { state: resource.desired, from: state })).rejects.toMatchObject({
        code: 'GATEWAY_SETTINGS_REFUSED',
      });
      expect(await readFile(gateway.configFile, 'utf8')).toBe(text);
    },
    TIMEOUT_MS,
  );
}

const settings = (way: 'with its program' | 'without'): Resource =>
  gatewaySettings({
    wanted: { origins: [`https://${NAME}`] },
    env: { ...gateway.env, PATH: way === 'without' ? '/nonexistent' : `${folder}:${gateway.env['PATH']}` },
    userHome: join(folder, 'nobody'),
    keepIn: join(folder, 'kept'),
  });

/** What the guard makes of the answer to a stranger, stamped as the edge stamps it. */
async function verdict(): Promise<string> {
  const headers = {
    'x-forwarded-for': '203.0.113.9',
    'x-forwarded-proto': 'https',
    'x-forwarded-host': NAME,
  };
  const answer = await fetch(`${gateway.url}/readyz`, { headers });
  const found = judgeStrangerAnswer(NAME, { status: answer.status, body: await answer.text() });
  return found.kind === 'open' ? 'open' : found.error.code;
}

const guardSays = (wanted: string): Promise<unknown> =>
  waitFor(`the guard says ${wanted}`, 60_000, async () => (await verdict()) === wanted);

async function apply(resource: Resource): Promise<SettingsState> {
  const { state } = await resource.observe(WORLD);
  await resource.put(WORLD, { state: resource.desired, from: state });
  const after = await resource.observe(WORLD);
  expect(after).toMatchObject({ state: resource.desired, ownership: 'ours' });
  return state as SettingsState;
}

async function undo(resource: Resource, state: SettingsState): Promise<void> {
  await resource.put(WORLD, { state, from: resource.desired });
  expect(await resource.observe(WORLD)).toMatchObject({ state });
}

/** The file as people write it: comments, bare keys, trailing commas. */
const commented = (): string =>
  `// of Ada\n${original
    .replaceAll(/"(\w+)":/g, '$1:')
    .replaceAll(/([^,{[\s])\n(\s*[}\]])/g, '$1,\n$2')
    .replaceAll(',\n', ', // here\n')}\n`;

const commentsIn = (text: string): readonly string[] | null => text.match(/\/\/ (?:of Ada|here)/g);
