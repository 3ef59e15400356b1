import type { Demo } from '../demo/demo.ts';
import type { DaemonStatus } from '../daemon/contract.ts';
import { printable } from '../core/printable.ts';
import type { LiveLine } from './live-lines.ts';
import { renderQrCode } from './qr-code.ts';
import { wrapText } from './text-layout.ts';

const SCREEN_COLUMNS = 80;

/** What a visitor's program needs to get in; the one object of `--json`. */
export function describeAsJson({ url, user, password, ca }: Demo): string {
  return JSON.stringify({ url, user, password, ca });
}

/**
 * The command that trusts the demo's authority for itself alone, signs in and gets the page. The password stands in a
 * file, so that no other user of the machine finds it in the list of processes.
 */
export function curlCommand({ ca, signInForm, signInUrl }: Demo): string {
  const parts = ['curl', '--cacert', ca, '--location', '--cookie', '', '--header', 'Accept: text/html'];
  return [...parts, '--data', `@${signInForm}`, signInUrl].map(quoteForShell).join(' ');
}

/** As a POSIX shell takes it for one word. */
function quoteForShell(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Works in any folder and however the demo was started; `npx postern` might fetch another package of that name. */
export function approveCommand({ folder }: Demo, code: string): string {
  const postern = [process.execPath, process.argv[1] ?? 'postern'].map(quoteForShell).join(' ');
  return `POSTERN_HOME=${quoteForShell(folder)} ${postern} devices approve ${code}`;
}

/** Everything that is said once, when the demo is ready. */
export function describeDemo(demo: Demo, to: string | undefined): string {
  const what = to === undefined ? 'a sample assistant' : printable(to);
  return `
${prose(`Postern demo: ${what} behind a relay that cannot read a byte. All of it runs on this machine.`)}

  Open      ${demo.url}
  User      ${demo.user}
  Password  ${demo.password}

${prose('The certificate is from an authority made for this demo alone: the browser warns once, go on. curl trusts it for one command, signs in and gets the page with:')}

  ${curlCommand(demo)}

${prose('The first browser (or curl) that signs in is let in by its password. Approve every further one:')}

  ${approveCommand(demo, 'CODE')}

${renderQrCode(demo.url)}

${prose('The code is the URL and nothing secret. Names below .localhost exist on this machine only; with a relay of your own it opens on any phone. Ctrl-C ends the demo and leaves nothing behind.')}
`;
}

/** Commands stay on one line, to be copied; sentences end at a word. */
function prose(text: string): string {
  return wrapText(text, SCREEN_COLUMNS, '').join('\n');
}

/** One line for each connection of the link. */
export function describeConnections({ connections }: DaemonStatus): LiveLine[] {
  return connections.map(({ slot, state, roundTripMs, restarts, lastError }) => {
    const parts = [`connection ${slot}`, state];
    if (state !== 'up' && lastError) parts.push(printable(lastError.text, 60));
    if (restarts > 0) parts.push(`${restarts} restart${restarts === 1 ? '' : 's'}`);
    const isMeasured = state === 'up' && roundTripMs !== undefined;
    const live = isMeasured ? [...parts, `round trip ${roundTripMs.toFixed(1)} ms`] : parts;
    return { key: `connection ${slot}`, live: `  ${live.join(' · ')}`, plain: `  ${parts.join(' · ')}` };
  });
}
