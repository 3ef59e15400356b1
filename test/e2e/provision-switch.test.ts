import { afterAll, expect, test } from 'vitest';
import { applyPlan, computePlan, destroyAll } from '../../src/provision/engine.ts';
import { FIRE_SWITCH } from '../../src/provision/remote/scripts/switch.ts';
import { type EngineChange, type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';
import { waitFor } from '../support/wait-for.ts';

/** The dead man's switch around sshd's settings, on real sshd with real atd and cron. */
const labs: ProvisionLab[] = [];
afterAll(async () => {
  await Promise.all(labs.map((lab) => lab.stop()));
});

type Scheduler = 'at' | 'cron' | 'none';

async function start(scheduler: Scheduler): Promise<ProvisionLab> {
  const relay = await startProvisionLab();
  labs.push(relay);
  if (scheduler === 'at') await relay.startAtd();
  if (scheduler === 'cron') await relay.sh('(setsid /usr/sbin/cron -f >/dev/null 2>&1 &)');
  return relay;
}

const DROP_IN = '/etc/ssh/sshd_config.d/00-postern-x.conf';
const has = async (relay: ProvisionLab, path: string): Promise<boolean> =>
  (await relay.sh(`if [ -e ${path} ]; then echo yes; else echo no; fi`)).trim() === 'yes';
/** Whatever a switch leaves: its folder, a job, a unit. */
const leftOvers = (relay: ProvisionLab): Promise<string> =>
  relay.sh(
    'ls -d /var/lib/postern-switch /etc/cron.d/postern-* /etc/systemd/system/postern-* 2>/dev/null; atq; true',
  );
const apply = async (relay: ProvisionLab, change: EngineChange = {}): Promise<void> => {
  const engine = await relay.engine(change);
  await applyPlan(engine, await computePlan(engine));
};

/** Home dies while it waits for its proof: what it asked for stands, and nobody calls the switch off. */
async function dieInTheWindow(relay: ProvisionLab): Promise<void> {
  const waiting = Promise.withResolvers<void>();
  void apply(relay, {
    windowSeconds: 0,
    relay: (real) => ({
      ...real,
      connectAnew: () => {
        waiting.resolve();
        return new Promise(() => {});
      },
    }),
  });
  await waiting.promise;
  expect(await has(relay, DROP_IN)).toBe(true);
}

/** Time goes on for the program that fires: it starts again with a clock that reaches its minute in a moment. */
async function moveClockOf(relay: ProvisionLab, program: 'atd' | 'cron'): Promise<void> {
  const ahead = program === 'atd' ? 120 : (118 - new Date().getSeconds()) % 60;
  await relay.sh(`pid=$(pgrep -x ${program}) && kill $pid
while kill -0 $pid 2>/dev/null; do sleep 0.02; done
(setsid faketime -f '+${ahead}s' /usr/sbin/${program} -f >/dev/null 2>&1 &)`);
}

async function isTakenBack(relay: ProvisionLab): Promise<void> {
  await waitFor('the switch has fired', 30_000, async () => !(await has(relay, DROP_IN)));
  await waitFor('it has cleaned up', 5000, async () => (await leftOvers(relay)) === '');
  await apply(relay);
  expect(await has(relay, DROP_IN)).toBe(true);
  expect(await leftOvers(relay)).toBe('');
}

test.concurrent(
  'home dies: at takes it back by itself, also when the relay was rebooted meanwhile',
  async () => {
    const relay = await start('at');
    await dieInTheWindow(relay);
    await relay.lab.faults.rebootRelay(0);
    await relay.startAtd();
    await moveClockOf(relay, 'atd');
    await isTakenBack(relay);
  },
  100_000,
);

test.concurrent(
  'home dies: cron takes it back by itself',
  async () => {
    const relay = await start('cron');
    await dieInTheWindow(relay);
    expect(await leftOvers(relay)).toContain('/etc/cron.d/postern-switch-sshd-x');
    await moveClockOf(relay, 'cron');
    await isTakenBack(relay);
  },
  100_000,
);

test.concurrent(
  'home dies and comes back before the switch fires: the second run ends it and converges',
  async () => {
    const relay = await start('at');
    await dieInTheWindow(relay);
    const engine = await relay.engine();
    expect((await computePlan(engine)).changes.map(({ resource }) => resource)).toContain('sshd');
    await apply(relay);
    expect((await computePlan(engine)).changes).toEqual([]);
    expect(await leftOvers(relay)).toBe('');
  },
);

test.concurrent('without anything that could fire it: stopped before the change', async () => {
  const relay = await start('none');
  await expect(apply(relay)).rejects.toMatchObject({ code: 'PROVISION_NO_SWITCH' });
  expect(await has(relay, DROP_IN)).toBe(false);
  expect(await leftOvers(relay)).toBe('');
});

test.concurrent.for(['connectAnew', 'proveLink'] as const)(
  'a proof that fails (%s) takes it back at once',
  async (proof) => {
    const relay = await start('at');
    const failing = apply(relay, {
      relay: (real) => ({ ...real, [proof]: () => Promise.reject(new Error('no way in')) }),
    });
    await expect(failing).rejects.toMatchObject({
      code: 'PROVISION_PROOF_FAILED',
      message: expect.stringContaining('no way in'),
    });
    expect(await has(relay, DROP_IN)).toBe(false);
    expect(await leftOvers(relay)).toBe('');
  },
);

test.concurrent(
  'the switch leaves a file alone that somebody has changed since, and does nothing once it is called off',
  async () => {
    const relay = await start('at');
    await dieInTheWindow(relay);
    await relay.sh(`echo '# changed by hand' >>${DROP_IN}; cp -r /var/lib/postern-switch /root/again`);
    const shell = await (await relay.engine()).world.relay.shell();
    await shell.run(FIRE_SWITCH, ['sshd-x']);
    expect(await relay.sh(`cat ${DROP_IN}`)).toContain('# changed by hand');
    expect(await leftOvers(relay)).not.toContain('/var/lib/postern-switch');
    await relay.sh(
      `rm ${DROP_IN}; mv /root/again/sshd-x/armed /root/again/sshd-x/called-off; sh /root/again/sshd-x/undo`,
    );
    expect(await has(relay, DROP_IN)).toBe(false);
  },
);

/** Does what systemd would, but for the waiting; writes down what it was asked. */
const SYSTEMCTL = `#!/bin/sh
echo "$*" >>/run/asked
case $1 in
  try-reload-or-restart) kill -HUP "$(cat /run/sshd.pid)" ;;
  reload-or-restart) nginx -s reload ;;
esac
exit 0
`;

test.concurrent('with systemd: a timer in /etc that outlives a reboot, gone after the proof', async () => {
  const relay = await start('none');
  await relay.sh(`mkdir -p /run/systemd/system; rm -f /usr/bin/systemctl; cat >/usr/bin/systemctl <<'END'\n${SYSTEMCTL}END
chmod 755 /usr/bin/systemctl`);
  const found = await relay.tree();
  let units = '';
  let verdict = '';
  await apply(relay, {
    windowSeconds: 90,
    relay: (real) => ({
      ...real,
      connectAnew: async () => {
        units ||= await relay.sh(
          'cd /etc/systemd/system; cat postern-switch-sshd-x.timer postern-switch-sshd-x.service',
        );
        verdict ||= await relay.sh(
          'cd /etc/systemd/system; systemd-analyze verify ./postern-switch-sshd-x.* 2>&1 | grep postern- || echo fine',
        );
        return real.connectAnew();
      },
    }),
  });
  expect(units).toContain('OnActiveSec=90s');
  expect(units).toContain('WantedBy=timers.target');
  expect(units).toContain('ExecStart=/bin/sh /var/lib/postern-switch/sshd-x/undo');
  expect(verdict).toBe('fine\n');
  expect(await relay.sh('cat /run/asked')).toMatch(
    /enable postern-switch-sshd-x\.timer\nrestart postern-switch-sshd-x\.timer[\s\S]*disable --now postern-switch-sshd-x\.timer/,
  );
  expect(await leftOvers(relay)).toBe('');
  await destroyAll(await relay.engine());
  expect(await relay.tree()).toBe(found);
});

test.concurrent(
  'with systemd: a timer that fired is stopped and started anew, as an elapsed one never fires again',
  async () => {
    const relay = await start('none');
    await relay.sh(`mkdir -p /run/systemd/system; rm -f /usr/bin/systemctl; cat >/usr/bin/systemctl <<'END'\n${SYSTEMCTL}END
chmod 755 /usr/bin/systemctl`);
    await dieInTheWindow(relay);
    await relay.sh('sh /var/lib/postern-switch/sshd-x/undo; mv /run/asked /run/asked.first');
    expect(await has(relay, DROP_IN)).toBe(false);
    expect(await relay.sh('cat /run/asked.first')).toContain('disable --now postern-switch-sshd-x.timer');
    await apply(relay);
    expect(await relay.sh('cat /run/asked')).toContain('restart postern-switch-sshd-x.timer');
  },
);

test.concurrent('a relay that died while it took the change back goes on with it', async () => {
  const relay = await start('at');
  await dieInTheWindow(relay);
  await relay.sh('cd /var/lib/postern-switch/sshd-x; mv armed fired; sh ./undo at');
  expect(await has(relay, DROP_IN)).toBe(false);
  expect(await has(relay, '/var/lib/postern-switch')).toBe(false);
});

test.concurrent("one home's change leaves the armed switch of another home alone", async () => {
  const relay = await start('at');
  await relay.sh(`mkdir -p /var/lib/postern-switch/sshd-other; cd /var/lib/postern-switch/sshd-other
touch armed; echo 'touch /root/fired' >undo`);
  await apply(relay);
  expect(await has(relay, '/var/lib/postern-switch/sshd-other/armed')).toBe(true);
  expect(await has(relay, '/root/fired')).toBe(false);
});
