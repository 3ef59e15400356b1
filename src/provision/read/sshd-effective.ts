import type { Obstacle } from '../contract.ts';
import { printable } from '../../core/printable.ts';
import { matchesGlob } from './glob.ts';

/** What sshd said of a configuration with our drop-in in it; hostile text. */
export interface SshdAnswer {
  readonly account: string;
  /** `sshd -t` without and with the drop-in: empty means fine. */
  readonly before: string;
  readonly test: string;
  /** `sshd -T -C user=ACCOUNT`. */
  readonly effective: string;
  /** Differences for other accounts. */
  readonly others: string;
  /** `FILE:LINE:TEXT` of directives that could be the reason. */
  readonly lines: readonly string[];
}

const LOCKING = /^(.*?:\d+):\s*(DenyUsers|DenyGroups)\s+(.*)$/i;

/** Why the account would not work as it has to, one obstacle for each reason. Pure. */
export function findSshdObstacles(
  answer: SshdAnswer,
  settings: readonly (readonly [keyword: string, value: string])[],
): readonly Obstacle[] {
  if (answer.before.trim() !== '') {
    return [
      obstacle("sshd does not accept the relay's configuration as it is", answer.before.trim().split('\n')),
    ];
  }
  if (answer.test.trim() !== '') {
    return [obstacle('sshd does not accept what Postern would add', answer.test.trim().split('\n'))];
  }
  const denied = findDenial(answer);
  if (denied.length > 0) return denied;
  const known = answer.effective.toLowerCase().split('\n');
  const missed = settings.filter(([keyword, value]) => !known.includes(`${keyword} ${value}`.toLowerCase()));
  const obstacles = missed.length === 0 ? [] : [notFollowed(answer, missed)];
  const others = answer.others.trim();
  return others === ''
    ? obstacles
    : [...obstacles, obstacle('For other accounts sshd would behave otherwise than now', others.split('\n'))];
}

function notFollowed(
  { lines, account, effective }: SshdAnswer,
  missed: readonly (readonly [string, string])[],
): Obstacle {
  if (!lines.some((line) => /:\s*Include\s+.*sshd_config\.d\//i.test(line))) {
    return obstacle('/etc/ssh/sshd_config does not read the folder sshd_config.d', [
      'Add this line at its top:',
      'Include /etc/ssh/sshd_config.d/*.conf',
    ]);
  }
  const [first] = missed;
  const [keyword = '', wanted = ''] = first ?? [];
  const actual = valueOf(effective, keyword) ?? 'nothing';
  const matches = lines.filter((line) => /:\s*Match\s/i.test(line));
  return obstacle(
    `For the account ${account} another setting of the relay wins: ${keyword} is ${actual} instead of ${wanted}` +
      (missed.length > 1 ? ` (and ${missed.length - 1} more)` : ''),
    matches.length === 0
      ? ['Find it: grep -rn ' + keyword + ' /etc/ssh']
      : ['An earlier Match decides:', ...matches],
  );
}

function valueOf(effective: string, keyword: string): string | undefined {
  const line = effective.split('\n').find((one) => one.toLowerCase().startsWith(`${keyword.toLowerCase()} `));
  return line?.slice(keyword.length + 1);
}

/** DenyUsers and DenyGroups cannot be overridden: they are the administrator's word (sshd_config(5)). */
function findDenial({ account, effective, lines }: SshdAnswer): Obstacle[] {
  return effective.split('\n').flatMap((line) => {
    const match = /^(denyusers|denygroups) (.+)$/i.exec(line);
    const patterns = (match?.[2] ?? '').split(/\s+/).filter((pattern) => isMatch(account, pattern));
    if (!match || patterns.length === 0) return [];
    const where = lines.filter((one) => LOCKING.test(one) && one.includes(patterns[0] ?? ''));
    const keyword = match[1] === 'denyusers' ? 'DenyUsers' : 'DenyGroups';
    return [
      obstacle(`The administrator of the relay keeps ${account} out: ${keyword} ${patterns.join(' ')}`, [
        ...where,
        'Take that pattern away, or choose another ID in postern.yaml (home: …).',
      ]),
    ];
  });
}

/** A pattern of sshd: `*`, `?`, and USER@HOST of which only the user is judged (the stricter reading). */
function isMatch(name: string, pattern: string): boolean {
  const user = pattern.split('@')[0] ?? '';
  return user !== '' && matchesGlob(name, user);
}

function obstacle(sentence: string, lines: readonly string[]): Obstacle {
  return {
    sentence: printable(sentence, 300),
    lines: lines.slice(0, 8).map((line) => printable(line, 200)),
    canAdopt: false,
  };
}
