import * as z from 'zod';
import { SecretReference } from './secrets.ts';
import { parseTarget } from './target.ts';

/**
 * The whole configuration: every key, unit, default and rule of the program in one place.
 * `docs/config.md` is generated from the descriptions. Unknown keys are errors.
 */

/** A host name as certificates and SNI use it (RFC 1123): lower case, at least two labels. */
const hostName = z
  .string()
  .transform((name) => name.toLowerCase())
  .pipe(
    z
      .string()
      .max(253)
      .regex(
        /^(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))+$/,
        'must be a host name such as chat.example.com',
      ),
  );

const port = z.int().min(1).max(65_535);

/** A secret: `env:NAME`, `file:PATH`, `exec:COMMAND`, or the text itself where the file is 0600. */
const secret = z
  .string()
  .min(1)
  .transform((text) => new SecretReference(text));

/** What ssh may be told to reach: a name, an IPv4 or an IPv6 address; never an option. */
const sshHost = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._:%-]*$/, 'must be a host name or an address');
const accountName = z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Unix account name');

export const limitsSchema = z.strictObject({
  headerBytes: z
    .int()
    .min(1024)
    .max(65_536)
    .default(16_384)
    .describe('Most bytes of one request head (start line and fields).'),
  headerFields: z.int().min(10).max(1000).default(100).describe('Most header fields of one request.'),
  urlBytes: z.int().min(256).max(65_536).default(8192).describe('Most bytes of a request target.'),
  proxyHeaderMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(2000)
    .describe('Time for the PROXY header to arrive, milliseconds.'),
  clientHelloMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(5000)
    .describe('Time for the ClientHello to arrive, milliseconds.'),
  tlsHandshakeMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(10_000)
    .describe('Time for the whole TLS handshake, milliseconds.'),
  headerMs: z
    .int()
    .min(100)
    .max(120_000)
    .default(10_000)
    .describe('Time for a request head to arrive, milliseconds.'),
  idleKeepAliveMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(60_000)
    .describe('A connection without a request is closed after this long, milliseconds.'),
  bodyIdleMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe('A request body without progress is given up after this long, milliseconds.'),
  http2Streams: z
    .int()
    .min(1)
    .max(1000)
    .default(100)
    .describe('Concurrent streams of one HTTP/2 connection.'),
  http2ResetsPer10s: z
    .int()
    .min(1)
    .max(10_000)
    .default(200)
    .describe('Stream resets in 10 s after which an HTTP/2 connection is closed.'),
  connectionsPerAddress: z
    .int()
    .min(1)
    .max(100_000)
    .default(100)
    .describe('Connections of one client address (/64 for IPv6) before sign-in.'),
  connectionsPerAddressSignedIn: z
    .int()
    .min(1)
    .max(100_000)
    .default(200)
    .describe('The same for addresses with a signed-in visitor.'),
  connections: z.int().min(1).max(100_000).default(2000).describe('Connections in all.'),
  strangerConnections: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe(
      'Connections on which nobody has signed in, in all: half of the link. A further one replaces the oldest without a request.',
    ),
  drainMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(30_000)
    .describe('Time that running requests get when the daemon stops, milliseconds.'),
});

/** Relative paths start at the folder of the configuration. */
const certificateFiles = z.strictObject({
  cert: z.string().min(1).describe('PEM file with the certificate chain.'),
  key: z.string().min(1).describe('PEM file with the private key, mode 0600.'),
});

const serviceSchema = z
  .strictObject({
    name: hostName.describe('The public name.'),
    to: z
      .string()
      .regex(
        /^(https?:\/\/[^\s/?#@]+\/?|unix:\/[^\0]+)$/,
        'must be http://HOST:PORT, https://HOST:PORT or unix:/PATH, without a path behind it',
      )
      .refine((to) => parseTarget(to) !== undefined, 'must have a host and a port from 1 to 65535')
      .describe('Where the service listens at home: http://HOST:PORT, https://HOST:PORT or unix:/PATH.'),
    kind: z
      .enum(['web', 'openclaw'])
      .default('web')
      .describe('openclaw adds what is known of that gateway: denied paths, the loopback-trust guard.'),
    tls: z
      .enum(['home', 'relay'])
      .default('home')
      .describe('Where TLS ends. home: the relay reads nothing. relay: the relay reads everything.'),
    login: z
      .strictObject({
        pairing: z
          .enum(['required', 'off'])
          .default('required')
          .describe('required: a new browser has to be approved at home before it may try a password.'),
      })
      .prefault({})
      .describe('The login in front of the service.'),
    auth: z
      .enum(['login', 'none'])
      .default('login')
      .describe('none: anybody may use the service. Shown in red.'),
    certificate: certificateFiles
      .optional()
      .describe('Certificate files for tls: home. Both are read again when they change.'),
    basicAuth: z
      .strictObject({ file: z.string().min(1).describe('Its path on the relay.') })
      .optional()
      .describe('Basic auth file on the relay; tls: relay and kind: web only.'),
    allow: z
      .array(z.string().regex(/^\/[^\s?#]*$/, 'must be a path that starts with /'))
      .default([])
      .describe(
        'Paths of the default-deny list of kind: openclaw that may be used all the same, each by hand.',
      ),
  })
  .superRefine((service, context) => {
    if (service.basicAuth && service.kind === 'openclaw') {
      context.addIssue({
        code: 'custom',
        path: ['basicAuth'],
        message:
          'Basic auth cannot stand before kind: openclaw: its page sends its own Authorization header, and Safari sends none on WebSockets; use the login instead',
      });
    }
    if (service.basicAuth && service.tls !== 'relay') {
      context.addIssue({
        code: 'custom',
        path: ['basicAuth'],
        message: 'Basic auth is checked by the relay, so it needs tls: relay',
      });
    }
  });

export const configSchema = z
  .strictObject({
    home: z
      .string()
      .regex(/^[a-z][a-z0-9-]{0,15}$/, 'must be 1 to 16 of a-z, 0-9 and -, starting with a letter')
      .describe("This home's ID, in account and socket names on the relay."),
    relay: z
      .strictObject({
        host: sshHost.describe('The public server: name or address.'),
        port: port.default(22).describe("sshd's port."),
        user: accountName
          .optional()
          .describe('For apply and verify --relay-root only: root, or an account with sudo.'),
        account: accountName.optional().describe("The link's account. Default: postern-HOME."),
        hostKey: z
          .string()
          .regex(
            /^(ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(256|384|521)|sk-[a-z0-9@.-]+) [A-Za-z0-9+/]+={0,2}( [^\r\n]*)?$/,
            'must be a public key in one line, such as ssh-ed25519 AAAA…',
          )
          .optional()
          .describe(
            'The pinned host key, as in known_hosts without the name. Default: the known_hosts file in ~/.postern/ssh.',
          ),
        httpsPort: port.default(443).describe('Where visitors arrive on the relay.'),
        forward: z
          .enum(['socket', 'port'])
          .default('socket')
          .describe(
            'port: the fallback where there is no root on the relay; any local user of the relay can open it.',
          ),
        ports: z.array(port).default([]).describe('For forward: port, one for each connection.'),
        nginxGroup: z
          .string()
          .regex(/^[a-z_][a-z0-9_-]{0,31}$/)
          .default('www-data')
          .describe("The group of nginx's workers."),
      })
      .describe('The public server: stock sshd and nginx.'),
    dns: z
      .strictObject({
        provider: z
          .enum(['cloudflare', 'rfc2136', 'manual'])
          .describe('Who serves the zone. manual: you set the records.'),
        token: secret
          .optional()
          .describe(
            'A secret that may change records: env:NAME, file:PATH, exec:COMMAND, or literal in a 0600 file. rfc2136: the secret of the TSIG key, in base64.',
          ),
        zone: hostName
          .optional()
          .describe('The zone that holds the names. cloudflare: left out, the longest one that fits a name.'),
        server: sshHost.optional().describe('rfc2136: the primary server of the zone, name or address.'),
        port: port.default(53).describe("rfc2136: that server's port."),
        keyName: z
          .string()
          .regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/, 'must be the name of a key')
          .optional()
          .describe('rfc2136: the name of the TSIG key.'),
        keyAlgorithm: z
          .enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512', 'hmac-sha224', 'hmac-sha1', 'hmac-md5'])
          .default('hmac-sha256')
          .describe('rfc2136: how the TSIG key signs.'),
      })
      .superRefine((dns, context) => {
        const needed = {
          cloudflare: ['token'],
          rfc2136: ['token', 'zone', 'server', 'keyName'],
          manual: [],
        } as const;
        for (const key of needed[dns.provider]) {
          if (dns[key] !== undefined) continue;
          context.addIssue({ code: 'custom', path: [key], message: `provider: ${dns.provider} needs it` });
        }
      })
      .optional()
      .describe('Where the records of the names are made.'),
    acme: z
      .strictObject({
        directory: z
          .string()
          .regex(
            /^(letsencrypt|letsencrypt-staging|https:\/\/[^\s#@]+)$/,
            'must be letsencrypt, letsencrypt-staging or the https:// URL of an ACME directory',
          )
          .default('letsencrypt')
          .describe('letsencrypt, letsencrypt-staging, or the URL of an ACME directory.'),
        email: z
          .string()
          .regex(/^[^\s@,?]+@[^\s@,?]+$/, 'must be one mail address')
          .optional()
          .describe('Where the authority may write to.'),
        agreeTos: z
          .boolean()
          .default(false)
          .describe("true: you have read and accepted the authority's terms of service."),
        challenge: z
          .enum(['tls-alpn-01', 'dns-01'])
          .default('tls-alpn-01')
          .describe('How the name is proven: over the tunnel, or by a DNS record (needs dns:).'),
        profile: z
          .string()
          .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be the name of a profile')
          .optional()
          .describe('A kind of certificate that the authority offers, such as shortlived.'),
        ca: z
          .string()
          .min(1)
          .optional()
          .describe('PEM file with the authority that a private directory itself is trusted by.'),
      })
      .optional()
      .describe('Who issues the certificates of names that have no certificate files.'),
    gate: hostName
      .optional()
      .describe(
        'A name of its own for sign-in, devices and dashboard, which no service shares, such as gate.example.com.',
      ),
    gateCertificate: certificateFiles.optional().describe('Certificate files of the gate.'),
    services: z.array(serviceSchema).min(1).describe('What is published.'),
    link: z
      .strictObject({
        connections: z.int().min(1).max(8).default(2).describe('ssh connections to the relay.'),
        heartbeatMs: z
          .int()
          .min(200)
          .max(60_000)
          .default(1000)
          .describe('Time between heartbeats, milliseconds.'),
      })
      .prefault({})
      .describe('The ssh connections from home to the relay.'),
    limits: limitsSchema.prefault({}).describe('Bounds of what a visitor may hold or send.'),
    private: z
      .array(
        z.strictObject({
          host: z
            .string()
            .min(1)
            .describe('The ssh destination: HOST, USER@HOST or a name of ~/.ssh/config.'),
          remote: port.describe('Port on that host, on its loopback.'),
          local: port.describe('Port here that Postern listens on.'),
          listen: z.string().default('127.0.0.1').describe('Address here that Postern listens on.'),
        }),
      )
      .default([])
      .describe('Services of other machines that are brought to a port here (ssh -L).'),
    gateway: z
      .strictObject({
        mode: z
          .enum(['local', 'remote'])
          .default('local')
          .describe('local: the gateway runs on this machine. remote: it is reached at url.'),
        url: z.string().optional().describe('ws:// or wss:// address of a remote gateway.'),
        token: secret.optional().describe("The gateway's shared token: a secret."),
        password: secret.optional().describe("The gateway's password: a secret."),
        tlsFingerprint: z.string().optional().describe('SHA-256 of the certificate of a remote gateway.'),
        transport: z.enum(['ssh', 'direct']).default('ssh').describe('How a remote gateway is reached.'),
        sshTarget: z.string().optional().describe('For transport: ssh: USER@HOST.'),
        sshIdentity: z.string().optional().describe('For transport: ssh: private key file.'),
      })
      .prefault({})
      .describe('The assistant gateway that Postern itself talks to.'),
    alerts: z
      .strictObject({
        exec: z
          .array(z.string())
          .default([])
          .describe(
            'A program and its arguments, run once when an incident starts and once when it is over.',
          ),
      })
      .prefault({})
      .describe('What happens when something breaks.'),
  })
  .superRefine((config, context) => {
    const seen = new Set<string>();
    config.services.forEach((service, index) => {
      if (seen.has(service.name) || service.name === config.gate) {
        context.addIssue({
          code: 'custom',
          path: ['services', index, 'name'],
          message: `two services cannot share the name ${service.name}`,
        });
      }
      seen.add(service.name);
    });
    if (config.acme?.challenge === 'dns-01' && (config.dns?.provider ?? 'manual') === 'manual') {
      context.addIssue({
        code: 'custom',
        path: ['acme', 'challenge'],
        message:
          'dns-01 changes a record for every renewal, so it needs dns: with a provider other than manual; else use tls-alpn-01',
      });
    }
    if (config.relay.forward === 'port' && new Set(config.services.map(({ tls }) => tls)).size > 1) {
      context.addIssue({
        code: 'custom',
        path: ['relay', 'forward'],
        message:
          'forward: port carries one kind of TLS: make every service tls: home, or every one tls: relay',
      });
    }
    if (config.relay.forward === 'port' && config.relay.ports.length < config.link.connections) {
      context.addIssue({
        code: 'custom',
        path: ['relay', 'ports'],
        message: `forward: port needs one port for each of the ${config.link.connections} connections`,
      });
    }
  });

/** The configuration as the program uses it: complete, defaults filled in. */
export type Config = z.output<typeof configSchema>;
export type ServiceConfig = Config['services'][number];
export type Limits = z.output<typeof limitsSchema>;
