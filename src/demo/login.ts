import type { DaemonParts } from '../daemon/parts.ts';
import { realParts } from '../daemon/real-parts.ts';
import { showCode } from '../edge/auth/secrets.ts';
import type { AuthAdmin } from '../edge/auth/admin.ts';

/** The demo's login: one user with a random password, made before the edge opens; the first who signs in is paired. */
export class DemoLogin {
  readonly daemonParts: DaemonParts;
  #admin: AuthAdmin | undefined;
  #password: string | undefined;

  constructor(userName: string) {
    this.daemonParts = {
      ...realParts,
      // The name stays when the demo's authority is gone: a browser that remembered it could not come back.
      startEdge: (options) => realParts.startEdge({ ...options, hstsSeconds: 0 }),
      openLogin: async (options) => {
        const login = await realParts.openLogin({ ...options, pairFirst: true });
        this.#admin = login.admin;
        this.#password = (await login.admin.addUser({ name: userName })).generatedPassword;
        return login;
      },
    };
  }

  get password(): string {
    if (this.#password === undefined) throw new Error('the login has not been opened');
    return this.#password;
  }

  /** Codes of browsers that wait for an approval, as they show them. */
  async listWaiting(): Promise<readonly string[]> {
    return (await this.#admin?.listRequests())?.map(({ code }) => showCode(code)) ?? [];
  }
}
