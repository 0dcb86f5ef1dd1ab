package main

import (
	"fmt"
	"path/filepath"
	"strings"
)

// config is the text of a subject's configuration. All are set up for the same
// work: keep connections to the origin open, say for whom they ask
// (X-Forwarded-*), log no request, and stream what is sent to them.
func (l *lineup) config(s *subject, dir string) string {
	switch s.kind {
	case kindNginx:
		return l.nginx(s, dir)
	case kindHAProxy:
		return l.haproxy(s)
	case kindStrangler:
		option := fmt.Sprintf("\tstrangler {\n\t\troutes %s\n\t\tstore sqlite %s\n",
			filepath.Join(dir, tableFile), filepath.Join(dir, "strangler.db"))
		if s.decided == byFlag {
			option += "\t\tflags flagd_file " + filepath.Join(dir, flagFile) + "\n"
		}
		if s.decided == byIdentity {
			option += identityOption
		}
		return l.caddyfile(s, dir, option+"\t}\n", "strangler")
	default:
		return l.caddyfile(s, dir, "", "reverse_proxy "+l.origin.Monolith)
	}
}

// identityOption has sessions read that need no store, so that what is measured is
// the proxy's own work; what is known of one counts for longer than between slices.
const identityOption = `		identity {
			issuer http://` + siteName + `
			bound 1m
			sessions flask {
				secret_key ` + sessionKey + `
			}
		}
`

// caddyfile is the same for both sides of the comparison but for the global
// option and the one directive.
func (l *lineup) caddyfile(s *subject, dir, option, directive string) string {
	const text = `{
	admin %[1]s
	auto_https off
	persist_config off
	storage file_system %[2]s
	grace_period 5s
	servers {
		protocols h1 h2
	}
	log {
		level WARN
	}
%[3]s}
(site) {
	bind 127.0.0.1
	%[4]s
}
http://%[5]s {
	import site
}
https://%[6]s {
	import site
	tls %[7]s %[8]s
}
`
	return fmt.Sprintf(text, s.admin, filepath.Join(dir, "caddy"), option, directive,
		site(s.http), site(s.https), l.cert.cert, l.cert.key)
}

func (l *lineup) nginx(s *subject, dir string) string {
	const text = `daemon off;
master_process off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log stderr warn;
events { worker_connections 1024; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	proxy_max_temp_file_size 0;
	keepalive_requests 1000000000;
	keepalive_timeout 1h;
	upstream origin {
		server %[2]s;
		keepalive 64;
		keepalive_requests 1000000000;
	}
	server {
		listen %[3]s;
		listen %[4]s ssl http2;
		ssl_protocols TLSv1.3;
		ssl_certificate %[5]s;
		ssl_certificate_key %[6]s;
		client_max_body_size 2m;
		location / {
			proxy_pass http://origin;
			proxy_http_version 1.1;
			proxy_request_buffering off;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_set_header X-Forwarded-For $remote_addr;
			proxy_set_header X-Forwarded-Host $http_host;
			proxy_set_header X-Forwarded-Proto $scheme;
		}
	}
}
`
	return fmt.Sprintf(text, dir, l.origin.Monolith, s.http, s.https, l.cert.cert, l.cert.key)
}

func (l *lineup) haproxy(s *subject) string {
	const text = `global
	nbthread 1
	maxconn 1024
defaults
	mode http
	timeout connect 5s
	timeout client 1h
	timeout server 1h
	option forwardfor
frontend clients
	bind %[1]s
	bind %[2]s ssl crt %[3]s alpn h2,http/1.1
	http-request set-header X-Forwarded-Host %%[req.hdr(Host)]
	http-request set-header X-Forwarded-Proto http unless { ssl_fc }
	http-request set-header X-Forwarded-Proto https if { ssl_fc }
	default_backend origin
backend origin
	server monolith %[4]s
`
	return fmt.Sprintf(text, s.http, s.https, l.cert.both, l.origin.Monolith)
}

// site is the address of a site: the host that clients ask for, at the port.
func site(address string) string {
	_, port, _ := strings.Cut(address, ":")
	return siteName + ":" + port
}
