/** From where a door is tried: as a visitor, on this machine, or as root on the relay. */
export type Vantage = 'public' | 'home' | 'relay-root';

/** critical: a stranger gets in or reads along; serious: one wall less; minor: it will become one. */
export type Severity = 'critical' | 'serious' | 'minor';

export interface CheckDefinition {
  readonly title: string;
  readonly vantage: Vantage;
  /** One look for each service, or one for the whole home. */
  readonly scope: 'service' | 'home';
  /** What is tried, one sentence. */
  readonly tries: string;
  /** What must happen, one sentence. */
  readonly mustHappen: string;
  readonly severity: Severity;
  /** What to do when it does not; `{service}` and `{home}` are filled in. */
  readonly remedy: string;
  /** Checks (of the same service, or of the home) without which this one would say nothing. */
  readonly needs: readonly string[];
}

/** Every wrong door, in the order in which it is tried and told. */
export const CHECKS = {
  CERTIFICATE_OURS: {
    title: 'the certificate is ours',
    vantage: 'public',
    scope: 'service',
    tries: 'A TLS connection to the name, where visitors arrive.',
    mustHappen:
      'With tls: home the very certificate of this home is shown, so TLS ends here and nowhere before.',
    severity: 'critical',
    remedy:
      'Somebody else ends TLS for {service}: do not sign in there. Look at the relay (nginx -T) and at the DNS records.',
    needs: [],
  },
  CANARY: {
    title: 'the name leads home',
    vantage: 'public',
    scope: 'service',
    tries: 'A request through the public name that only this home can answer.',
    mustHappen: 'The answer of this home comes back, so the checks below speak to the right door.',
    severity: 'serious',
    remedy: 'See which part is down: postern status',
    needs: ['CERTIFICATE_OURS'],
  },
  LOGIN: {
    title: 'strangers are asked to sign in',
    vantage: 'public',
    scope: 'service',
    tries: 'The name without a session, over HTTP/1.1 and HTTP/2.',
    mustHappen: 'The login itself answers 401, and nothing of the service.',
    severity: 'critical',
    remedy:
      'Where auth: none stands in postern.yaml, take it out. Then: postern up; postern verify {service}. Until then: postern stop',
    needs: ['CANARY'],
  },
  FORGED_ADDRESS: {
    title: 'a forged address opens nothing',
    vantage: 'public',
    scope: 'service',
    tries:
      'The name without a session, claiming in X-Forwarded-For, Forwarded and X-Real-IP to come from 127.0.0.1.',
    mustHappen: 'The same refusal as for everybody.',
    severity: 'critical',
    remedy: 'Stop publishing (postern stop) and report it: an edge must not believe a visitor.',
    needs: ['LOGIN'],
  },
  FOREIGN_WEBSOCKET: {
    title: 'no WebSocket for other pages',
    vantage: 'public',
    scope: 'service',
    tries: 'A WebSocket handshake without a session, sent from a page of another origin.',
    mustHappen: 'No 101: it is refused.',
    severity: 'critical',
    remedy: 'Stop publishing (postern stop) and report it: a handshake without a session must be refused.',
    needs: ['LOGIN'],
  },
  DENIED_PATHS: {
    title: 'the powerful paths are refused',
    vantage: 'public',
    scope: 'service',
    tries:
      'The paths of an OpenClaw gateway where its token alone is enough, with a made-up token and in odd spellings.',
    mustHappen: 'Each is refused by the login; none reaches the gateway.',
    severity: 'critical',
    remedy:
      'Stop publishing (postern stop) and report it: these paths must not be reached without a session.',
    needs: ['LOGIN'],
  },
  WRONG_HOST: {
    title: 'no other name behind this one',
    vantage: 'public',
    scope: 'service',
    tries: 'A request for another host on a connection that was made for the name.',
    mustHappen: 'It is refused with 421, or the connection is closed.',
    severity: 'serious',
    remedy: 'Look which server of the relay answers for other names (nginx -T), and take it off this port.',
    needs: ['CANARY'],
  },
  CERTIFICATE_VALID: {
    title: 'the certificate is valid',
    vantage: 'public',
    scope: 'service',
    tries: 'Name and dates of the certificate that visitors see.',
    mustHappen:
      'It is for the name and valid for a while: 7 days, or a fifth of its lifetime where that is shorter.',
    severity: 'serious',
    remedy: 'Renew it; with acme: in postern.yaml the daemon does, and says why it could not: postern logs',
    needs: ['CERTIFICATE_OURS'],
  },
  OLD_TLS: {
    title: 'TLS 1.0 and 1.1 are refused',
    vantage: 'public',
    scope: 'service',
    tries: 'A handshake that offers TLS 1.0 alone, and one that offers TLS 1.1 alone (RFC 8996).',
    mustHappen: 'Neither comes about.',
    severity: 'serious',
    remedy:
      'On the relay: ssl_protocols TLSv1.2 TLSv1.3; in every server of this port, then nginx -t && nginx -s reload',
    needs: ['CANARY'],
  },
  PLAIN_HTTP: {
    title: 'plain HTTP gives no content',
    vantage: 'public',
    scope: 'service',
    tries: 'The name over plain HTTP, on port 80 and on the port for HTTPS.',
    mustHappen: 'It is sent on to https of the same name, or gets nothing.',
    severity: 'serious',
    remedy: 'Find the server of the relay that answers {service} on port 80 (nginx -T) and take it out.',
    needs: ['CANARY'],
  },
  OTHER_NAMES: {
    title: 'other names get nothing',
    vantage: 'public',
    scope: 'home',
    tries: 'The bare address, a name that does not exist, and www. before each name, on the port for HTTPS.',
    mustHappen: 'The connection is closed without an answer.',
    severity: 'serious',
    remedy: 'Find the server of the relay that answers other names on this port (nginx -T) and take it out.',
    needs: ['CANARY'],
  },
  SERVICE_EXPOSED: {
    title: 'the service is not in the network',
    vantage: 'home',
    scope: 'service',
    tries: "A connection to the service's port on every address of this machine that others can reach.",
    mustHappen: 'Nobody accepts it: the service listens on loopback alone.',
    severity: 'critical',
    remedy: 'Let the service listen on 127.0.0.1 only: whoever reaches that port needs no sign-in.',
    needs: [],
  },
  GUARD: {
    title: 'the gateway knows strangers',
    vantage: 'home',
    scope: 'service',
    tries: 'GET /readyz of the gateway, stamped exactly as a request of a stranger.',
    mustHappen: 'It tells a stranger no more than that it is ready (loopback guard).',
    severity: 'critical',
    remedy: 'See docs/openclaw.md: the service stays shut until the gateway knows its proxy.',
    needs: [],
  },
  GATEWAY_TOKEN: {
    title: 'the gateway wants its token',
    vantage: 'home',
    scope: 'service',
    tries: 'POST /tools/invoke straight to the gateway with a made-up token.',
    mustHappen: 'It is refused with 401.',
    severity: 'critical',
    remedy:
      'openclaw config set gateway.auth.mode token; openclaw config set gateway.auth.token "$(openssl rand -hex 32)"',
    needs: [],
  },
  TOKEN_STRENGTH: {
    title: 'the gateway token is long enough',
    vantage: 'home',
    scope: 'service',
    tries: 'The token that gateway.token in postern.yaml names.',
    mustHappen: 'It has 32 characters or more and is no placeholder.',
    severity: 'serious',
    remedy: 'openclaw config set gateway.auth.token "$(openssl rand -hex 32)"',
    needs: [],
  },
  OWN_FILES: {
    title: 'own files are private',
    vantage: 'home',
    scope: 'home',
    tries: 'Owner and mode of the configuration, keys, database and folders of Postern.',
    mustHappen: 'They are ours; others may read no key and write nothing.',
    severity: 'critical',
    remedy:
      'Take the rights of others away with chmod go-rwx on each file that is named. A key that others could read is no secret any more: make a new one.',
    needs: [],
  },
  RELAY_PORTS: {
    title: 'no port of the service on the relay',
    vantage: 'relay-root',
    scope: 'home',
    tries:
      "On the relay: who listens on the services' ports (and the two above of a gateway), and which TCP ports sessions of the link's account have opened.",
    mustHappen: 'Nobody, and none.',
    severity: 'critical',
    remedy:
      'End the tunnel that opened it (an old ssh -R), or the program that listens: ss -ltnp on the relay names it.',
    needs: [],
  },
  RELAY_SOCKETS: {
    title: 'only nginx may open the sockets',
    vantage: 'relay-root',
    scope: 'home',
    tries: "On the relay: owner, group and mode of the link's folder and of the sockets in it.",
    mustHappen: "They belong to the link's account; besides it only nginx's group may open them.",
    severity: 'critical',
    remedy: 'On the relay: chmod 2710 /var/lib/postern/{home}; for the rest see postern relay-files',
    needs: [],
  },
  RELAY_FILES: {
    title: 'no key and no record on the relay',
    vantage: 'relay-root',
    scope: 'home',
    tries:
      'On the relay: the files of Postern, for private keys, for certificates of tls: home names, and nginx logs for request lines of the names.',
    mustHappen: 'None is there.',
    severity: 'critical',
    remedy: 'Remove what is named. A private key that lay there is no secret any more: make a new one.',
    needs: [],
  },
} as const satisfies Record<string, CheckDefinition>;

export type CheckCode = keyof typeof CHECKS;

/** The checks as a list; a prerequisite always stands before what needs it. */
export const CHECK_LIST = Object.entries(CHECKS).map(([code, definition]) => ({
  code: code as CheckCode,
  ...(definition as CheckDefinition),
}));
