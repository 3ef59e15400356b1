import { afterAll, expect, test } from 'vitest';
import { applyPlan, computePlan, destroyAll } from '../../src/provision/engine.ts';
import { REMOVE_PACKAGES } from '../../src/provision/remote/scripts/packages.ts';
import { type ProvisionLab, startProvisionLab } from '../support/provision-lab.ts';

/**
 * A relay without nginx's stream module. The module comes from a package file made of this machine's own, by the real
 * dpkg; apt-get is a stand-in that hands over to it, since a test has no package archive.
 */
let relay: ProvisionLab | undefined;
afterAll(() => relay?.stop());

const PREPARE = `set -e
deb=/run/deb; mkdir -p $deb/DEBIAN
dpkg-query -L libnginx-mod-stream | while read -r path; do
  if [ -f "$path" ]; then mkdir -p "$deb$(dirname "$path")"; cp -p "$path" "$deb$path"; fi
done
mkdir -p $deb/etc/nginx/modules-enabled
cp -P /etc/nginx/modules-enabled/50-mod-stream.conf $deb/etc/nginx/modules-enabled/
dpkg-query -s libnginx-mod-stream | sed -n -E '/^(Package|Version|Architecture|Maintainer|Description):/p' >$deb/DEBIAN/control
dpkg-deb -b $deb /run/stream.deb >/dev/null
dpkg --purge --force-depends libnginx-mod-stream >/dev/null 2>&1
rm -f /etc/nginx/modules-enabled/*stream* /usr/bin/apt-get
cat >/usr/bin/apt-get <<'END'
#!/bin/sh
echo "$DEBIAN_FRONTEND $*" >>/run/apt.log
case " $* " in
  *" install "*) dpkg -i /run/stream.deb ;;
  *" autoremove "*) if [ -e /usr/lib/nginx/modules/ngx_stream_module.so ]; then echo 'Remv old [1]'; else printf 'Remv %s [1]\\n' old brought; fi ;;
  *" brought"*) ;;
  *" purge "*) shift 3; dpkg --purge --force-depends "$@" ;;
esac
END
chmod 755 /usr/bin/apt-get
nginx -s reload`;

test('a missing module is installed first; destroy leaves it, and takes it with --packages', async () => {
  relay = await startProvisionLab();
  await relay.startAtd();
  await relay.sh(PREPARE);
  const found = await relay.tree();
  const engine = await relay.engine();
  const plan = await computePlan(engine);
  expect(plan.changes[0]).toMatchObject({
    resource: 'packages',
    lines: ['apt-get install libnginx-mod-stream'],
  });
  await applyPlan(engine, plan);
  expect((await computePlan(engine)).changes).toEqual([]);
  expect(await relay.sh('cat /run/apt.log')).toBe(
    'noninteractive -q update\nnoninteractive -q -y --no-install-recommends install libnginx-mod-stream\n',
  );
  expect(await destroyAll(engine)).toMatchObject([{ resource: 'packages', reason: 'stays' }]);
  expect(await relay.sh('ls /usr/lib/nginx/modules')).toContain('ngx_stream_module.so');
  await applyPlan(engine, await computePlan(engine));
  expect(await destroyAll(await relay.engine(), { withPackages: true })).toEqual([]);
  expect(await relay.sh('grep purge /run/apt.log')).toBe(
    'noninteractive -q -y purge libnginx-mod-stream\nnoninteractive -q -y purge brought\n',
  );
  expect(await relay.tree()).toBe(found);
});

test('packages that somebody else uses by now are not removed, nor a file of theirs', async () => {
  const lab = relay as ProvisionLab;
  const { relay: access } = (await lab.engine()).world;
  const shell = await access.shell();
  const purged = (): Promise<string> => lab.sh('grep -c purge /run/apt.log; true');
  const before = await purged();
  await lab.sh('echo "server { listen 8099; }" >/etc/nginx/sites-available/blog');
  expect(await shell.run(REMOVE_PACKAGES, ['nginx'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('/etc/nginx/'),
  });
  await lab.sh(`dpkg -i /run/stream.deb >/dev/null 2>&1
echo 'stream { server { listen 8098; return ""; } }' >/etc/nginx/modules-enabled/98-owner.conf; nginx -t`);
  expect(await shell.run(REMOVE_PACKAGES, ['libnginx-mod-stream'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('somebody else uses it'),
  });
  expect(await purged()).toBe(before);
  expect(await lab.sh('cat /etc/nginx/sites-available/blog')).toContain('8099');
});
