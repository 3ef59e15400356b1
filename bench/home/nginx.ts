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

/**
 * nginx ending TLS at home with one worker, in front of the same service: on a socket behind ssh, as the edge stands;
 * and on home's own address, where the bare wire is measured: same TLS, same file, no tunnel, no proxy.
 */
export const reference = (folder: string, socket: string): string => `${head(folder, 'reference')}
http {
  ${common(folder)}
  ssl_certificate ${join(folder, 'cert.pem')}; ssl_certificate_key ${join(folder, 'key.pem')};
  ssl_protocols TLSv1.2 TLSv1.3; ssl_session_cache shared:S:10m;
  upstream service { server 127.0.0.1:${STATIC_PORT}; keepalive 64; }
  server { listen ${WIRE_PORT} ssl http2; root ${join(folder, 'www')}; http2_max_requests 100000000; }
  server {
    listen unix:${socket} ssl http2 proxy_protocol; http2_max_requests 100000000;
    location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host; }
  }
}
`;
