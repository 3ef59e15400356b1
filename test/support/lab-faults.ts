import { type LinkName, type Place, addressesOf, ip, outerName, relayEnd } from './lab-network.ts';
import { type Namespace, must } from './namespace.ts';

/** Pids of sshd's sessions: every sshd but the listener. */
const SESSIONS = `listener=$(cat /run/sshd.pid); pgrep '^sshd' | grep -vx "$listener"`;

/** Of those, the ones that run as the account and hold its forwards; root's half of each only waits for them. */
const ACCOUNT_SESSIONS = `ps -eo pid=,user=,comm= | awk '$2 != "root" && $3 ~ /^sshd/ {print $1}'`;

/** What systemd does before nginx starts, as far as our own files ask for it: a folder in /run, a stale socket removed. */
const START_NGINX = `set -e
for conf in /etc/tmpfiles.d/*postern*; do
  [ ! -e "$conf" ] || sed -n 's/^d \\([^ ]*\\) \\([^ ]*\\) \\([^ ]*\\) \\([^ ]*\\).*/install -d -m \\2 -o \\3 -g \\4 \\1/p' "$conf" | sh
done
for conf in /etc/systemd/system/nginx.service.d/*postern*; do
  [ ! -e "$conf" ] || sed -n 's/^ExecStartPre=-//p' "$conf" | sh
done
nginx`;

const START_SERVERS = `set -e; mkdir -p /run/sshd
/usr/sbin/sshd -E /var/log/sshd.log
${START_NGINX}`;

const RESTART_SSHD = `set -e; old=$(cat /run/sshd.pid); kill "$old"
while kill -0 "$old" 2>/dev/null; do sleep 0.02; done
/usr/sbin/sshd -E /var/log/sshd.log`;

/** Everything but the namespace's own first process and its `cat` ends at once; sockets say goodbye into the void. */
const CRASH = `sysctl -qw net.ipv4.tcp_orphan_retries=1
ps -eo pid=,comm= | while read -r pid name; do
  case $name in cat) continue ;; esac
  [ "$pid" = 1 ] || [ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || :
done
find /run /tmp /dev/shm -mindepth 1 ! -name postern-lab -not -path '/tmp/postern-lab-*' -delete 2>/dev/null || :`;

/** What can go wrong with a relay and its wires. Every fault is made inside the relay's own namespaces. */
export class LabFaults {
  readonly #relay: Namespace;
  readonly #home: Place;
  readonly #lab: number;
  #homeAddress: string;

  constructor(lab: number, relay: Namespace, home: Place) {
    this.#lab = lab;
    this.#relay = relay;
    this.#home = home;
    this.#homeAddress = addressesOf(lab).home;
  }

  /** sshd and nginx, as after a boot. */
  async startServers(): Promise<void> {
    await this.#sh(START_SERVERS);
  }

  /** Every packet of a wire is dropped in both directions: no RST, no ICMP, no carrier loss. */
  async blackhole(isOn: boolean, link: LinkName = 'home'): Promise<void> {
    await this.#nft(
      isOn
        ? `table inet hole_${link} {
             chain in { type filter hook prerouting priority -300; iifname "${link}" drop; }
             chain out { type filter hook postrouting priority 300; oifname "${link}" drop; }
           }`
        : `table inet hole_${link} {}; delete table inet hole_${link}`,
    );
  }

  /** Carrier loss, seen by the kernels at both ends; it comes back up to a second after `false`. */
  async linkDown(isDown: boolean, link: LinkName = 'home'): Promise<void> {
    await ip(this.#relay, isDown ? [`link set ${link} down`] : relayEnd(this.#lab));
  }

  /** A NAT on the way forgot: packets of the ssh connections open now are dropped for ever, new connections pass. */
  async cutFlows(): Promise<void> {
    const open = await this.#sh(`ss -Htn state established 'sport = :22' | awk '{print $4}' | sed 's/.*://'`);
    const ports = open.split('\n').filter((port) => port !== '');
    if (ports.length === 0) return;
    const set = `{ ${ports.join(', ')} }`;
    await this.#nft(
      `table inet cut {
         chain in { type filter hook prerouting priority -300; iifname "home" tcp sport ${set} tcp dport 22 drop; }
         chain out { type filter hook output priority -300; oifname "home" tcp dport ${set} tcp sport 22 drop; }
       }`,
    );
  }

  /** Home gets another address, as from another Wi-Fi; the old one is gone. */
  async changeHomeAddress(): Promise<string> {
    const [network, last] = [
      this.#homeAddress.replace(/\d+$/, ''),
      Number(/\d+$/.exec(this.#homeAddress)?.[0]),
    ];
    const next = `${network}${last === 1 ? 11 : last + 1}`;
    const device = outerName(this.#lab, 'home');
    await ip(this.#home, [
      `addr add ${next}/24 dev ${device}`,
      `addr del ${this.#homeAddress}/24 dev ${device}`,
      `addr replace ${next}/24 dev ${device}`,
    ]);
    this.#homeAddress = next;
    return next;
  }

  /** sshd and nginx vanish without a word for `downMs`, then start again; sockets, /run and /tmp are gone. */
  async rebootRelay(downMs = 2000): Promise<void> {
    await Promise.all([this.blackhole(true, 'home'), this.blackhole(true, 'client')]);
    await this.#sh(CRASH);
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await this.startServers();
    await Promise.all([this.blackhole(false, 'home'), this.blackhole(false, 'client')]);
  }

  /** nginx is killed with -9 and started again, as systemd would do it. */
  async crashNginx(): Promise<void> {
    await this.#sh(`pkill -KILL nginx; while pgrep nginx >/dev/null; do sleep 0.02; done; ${START_NGINX}`);
  }

  /** kill -9 to every session process of sshd; the listener stays. */
  async killSessions(): Promise<void> {
    await this.#sh(`${SESSIONS} | xargs -r kill -KILL`);
  }

  /** The sessions stop in their tracks (or go on): sockets stay connected, nothing is answered. */
  async freezeSessions(isFrozen: boolean): Promise<void> {
    // One of them may end while the list is worked off.
    await this.#sh(`${ACCOUNT_SESSIONS} | xargs -r kill -${isFrozen ? 'STOP' : 'CONT'} 2>/dev/null || :`);
  }

  /** As a package update does: the listener is replaced, sessions live on. */
  async restartSshd(): Promise<void> {
    await this.#sh(RESTART_SSHD);
  }

  #sh(script: string): Promise<string> {
    return must(this.#relay.run('sh', ['-c', script]));
  }

  async #nft(rules: string): Promise<void> {
    await must(this.#relay.run('nft', ['-f', '-'], { input: rules.replaceAll(/; *delete/g, '\ndelete') }));
  }
}
