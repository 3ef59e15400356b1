import { type TLSSocket, connect as connectTls } from 'node:tls';
import { Wire, type WireAnswer } from './edge-wire.ts';
import { PASSWORD, codeOn } from './login.ts';
import type { LoginHome } from './login-home.ts';

export const PAGE = 'Accept: text/html';
export const FORM = 'Content-Type: application/x-www-form-urlencoded';
export const SIGN_IN = '/.postern/sign-in';

export const valuesOf = ({ head }: WireAnswer, field: string): string[] =>
  [...head.matchAll(new RegExp(`^${field}: (.*)$`, 'gim'))].map(([, value = '']) => value.trim());
/** The cookies that an answer sets, as `name=value`. */
export const cookiesOf = (answer: WireAnswer): string[] =>
  valuesOf(answer, 'set-cookie').flatMap((line) => line.split(';', 1)[0] ?? []);

export const passwordForm = (user = 'ann', secret = PASSWORD): string =>
  new URLSearchParams({ user, password: secret }).toString();

/** Somebody who writes requests by hand, towards a login behind an edge. @param ownName where nothing else is said */
export function makeOutsider(home: () => LoginHome, ownName: string) {
  const sockets: TLSSocket[] = [];
  const closeAll = (): void => {
    for (const socket of sockets.splice(0)) socket.destroy();
  };
  const host = (name = ownName): string => `${name}:${home().port}`;
  const origin = (name = ownName): string => `https://${host(name)}`;

  async function openTls(name = ownName, protocols: string[] = ['http/1.1']): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    const socket = connectTls(
      {
        host: '127.0.0.1',
        port: home().port,
        servername: name,
        ALPNProtocols: protocols,
        rejectUnauthorized: false,
      },
      () => resolve(socket),
    );
    socket.once('error', reject);
    sockets.push(socket);
    return promise;
  }

  /** One request on a connection of its own, written as it stands. */
  async function send(
    line: string,
    fields: readonly string[] = [],
    body = '',
    name = ownName,
  ): Promise<WireAnswer> {
    const wire = new Wire(await openTls(name));
    const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
    wire.send(
      `${[`${line} HTTP/1.1`, `Host: ${host(name)}`, ...fields, ...length].join('\r\n')}\r\n\r\n${body}`,
    );
    return wire.answer(line.startsWith('HEAD'));
  }

  /** Gets a code, has it approved, and fetches the device cookie. */
  async function pair(name = ownName): Promise<string> {
    const page = await send(`GET ${SIGN_IN}`, [PAGE], '', name);
    const [visit = ''] = cookiesOf(page);
    await home().approve(codeOn(page.body));
    const [device = ''] = cookiesOf(await send(`GET ${SIGN_IN}`, [PAGE, `Cookie: ${visit}`], '', name));
    return device;
  }

  const postForm = (
    cookie: string,
    body: string,
    name = ownName,
    more: readonly string[] = [],
  ): Promise<WireAnswer> =>
    send(
      `POST ${SIGN_IN}`,
      [PAGE, FORM, `Origin: ${origin(name)}`, `Cookie: ${cookie}`, ...more],
      body,
      name,
    );

  /** The cookies of somebody who has signed in: device and session. */
  async function signIn(name = ownName): Promise<{ device: string; session: string }> {
    const device = await pair(name);
    const answer = await postForm(device, passwordForm(), name);
    const session = cookiesOf(answer).find((cookie) => cookie.startsWith('__Host-gs=')) ?? '';
    if (session === '') throw new Error(`not signed in: ${answer.status}`);
    return { device, session };
  }

  return { host, origin, openTls, send, pair, postForm, signIn, closeAll };
}
