/** Does the service come back after a reboot before anybody has logged in? */
export interface RebootNeed {
  readonly needsLogin: 'yes' | 'no' | 'unknown';
  /** One sentence, with the command that changes it where there is one. */
  readonly sentence: string;
}

/** `loginctl show-user USER --property=Linger` (loginctl(1)). */
export function readLinger(text: string, user: string): RebootNeed {
  const value = /^Linger=(yes|no)$/m.exec(text)?.[1];
  if (value === 'yes') {
    return { needsLogin: 'no', sentence: 'After a reboot it starts by itself (lingering is on).' };
  }
  const command = `loginctl enable-linger ${user}`;
  if (value === 'no') {
    const sentence = `After a reboot it starts only when ${user} logs in, and ends when ${user} logs out; to change that: ${command}`;
    return { needsLogin: 'yes', sentence };
  }
  return { needsLogin: 'unknown', sentence: `Whether it starts after a reboot is not known; ${command}` };
}

/**
 * macOS starts an agent with its user's session.
 * @param fileVault of `fdesetup status`
 * @param autoLogin of `defaults read /Library/Preferences/com.apple.loginwindow autoLoginUser`: the name, or empty
 */
export function readMacReboot(fileVault: string, autoLogin: string, user: string): RebootNeed {
  if (/^FileVault is On/m.test(fileVault)) {
    const sentence =
      'After a reboot it starts only when somebody has typed the password at this Mac (FileVault is on). Before a planned restart: sudo fdesetup authrestart';
    return { needsLogin: 'yes', sentence };
  }
  if (autoLogin.trim() === user) {
    return {
      needsLogin: 'no',
      sentence: `After a reboot it starts by itself (${user} is logged in automatically).`,
    };
  }
  if (!/^FileVault is Off/m.test(fileVault)) {
    return { needsLogin: 'unknown', sentence: 'Whether it starts after a reboot is not known.' };
  }
  const sentence = `After a reboot it starts only when ${user} logs in; to change that: System Settings, Users & Groups, "Automatically log in as"`;
  return { needsLogin: 'yes', sentence };
}

/** The task of Windows has a logon trigger. */
export const WINDOWS_REBOOT: RebootNeed = {
  needsLogin: 'yes',
  sentence: 'After a reboot it starts only when its user logs in.',
};
