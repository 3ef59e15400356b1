import { join } from 'node:path';

export const STATIC_PORT = 8080;
export const WIRE_PORT = 8443;

const temporary = (folder: string): string =>
  ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ');

const head = (folder: string, name: string): string => `daemon off; user root; worker_processes 1;
pid ${join(folder, `${name}.pid`)}; error_log ${join(folder, `${name}.log`)} warn; worker_rlimit_nofile 20000;
events { worker_connections 8192; }
`;

const common = (folder: string): string => `access_log off; sendfile on; tcp_nodelay on;
  keepalive_requests 100000000; keepalive_timeout 600s; default_type application/octet-stream; ${temporary(folder)}`;

/** The service of the request benchmarks: files, nothing else. */
export const staticService = (folder: string): string => `${head(folder, 'static')}
http {
  ${common(folder)}
  server { listen 127.0.0.1:${STATIC_PORT}; root ${join(folder, 'www')}; }
}
`;

interface ReferenceOptions {
  readonly folder: string;
  /** Where its ssh connections end. */
  readonly socket: string;
  readonly plainName: string;
  readonly tunedName: string;
}

/**
 * nginx ending TLS at home with one worker, in front of the same service, on a socket behind ssh, as the edge stands.
 * Under the plain name with `proxy_pass` as it is by default, a new connection to the service for each request: that is
 * what the targets were set against. Under the tuned name with kept connections, which is about twice as fast.
 * On home's own address the bare wire is measured: same TLS, same file, no tunnel, no proxy.
 */
export const reference = ({
  folder,
  socket,
  plainName,
  tunedName,
}: ReferenceOptions): string => `${head(folder, 'reference')}
http {
  ${common(folder)}
  ssl_certificate ${join(folder, 'cert.pem')}; ssl_certificate_key ${join(folder, 'key.pem')};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:S:10m;
  upstream service { server 127.0.0.1:${STATIC_PORT}; keepalive 64; }
  server { listen ${WIRE_PORT} ssl http2; root ${join(folder, 'www')}; http2_max_requests 100000000; }
  server {
    listen unix:${socket} ssl http2 proxy_protocol; http2_max_requests 100000000;
    server_name ${plainName};
    location / { proxy_pass http://127.0.0.1:${STATIC_PORT}; proxy_set_header Host $host; }
  }
  server {
    listen unix:${socket} ssl http2 proxy_protocol; http2_max_requests 100000000;
    server_name ${tunedName};
    location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`;
