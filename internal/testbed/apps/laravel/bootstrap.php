<?php
// A monolith of Laravel's own classes, put together as its kernel does: cookies
// are encrypted, the session started, the guard asked.
use Illuminate\Auth\AuthenticationException;
use Illuminate\Auth\AuthManager;
use Illuminate\Cache\CacheManager;
use Illuminate\Config\Repository;
use Illuminate\Container\Container;
use Illuminate\Contracts\Auth\Guard;
use Illuminate\Contracts\Encryption\Encrypter as EncrypterContract;
use Illuminate\Cookie\CookieJar;
use Illuminate\Cookie\Middleware\AddQueuedCookiesToResponse;
use Illuminate\Cookie\Middleware\EncryptCookies;
use Illuminate\Database\Connectors\ConnectionFactory;
use Illuminate\Database\DatabaseManager;
use Illuminate\Encryption\Encrypter;
use Illuminate\Events\Dispatcher;
use Illuminate\Filesystem\Filesystem;
use Illuminate\Hashing\BcryptHasher;
use Illuminate\Http\Request;
use Illuminate\Http\Response;
use Illuminate\Redis\RedisManager;
use Illuminate\Session\Middleware\AuthenticateSession;
use Illuminate\Session\Middleware\StartSession;
use Illuminate\Session\SessionManager;

error_reporting(E_ALL & ~E_DEPRECATED);
foreach (['Auth', 'Cache', 'Config', 'Container', 'Cookie', 'Database', 'Encryption', 'Events', 'Filesystem', 'Hashing', 'Http', 'Redis', 'Session'] as $part) {
    require_once "Illuminate/$part/autoload.php";
}

// The settings that are not Laravel's defaults are JSON in the environment, as
// {"session.driver": "redis", …}.
function monolith(): Container {
    $app = new Container;
    Container::setInstance($app);
    $config = new Repository([
        'app' => ['key' => 'base64:' . base64_encode(str_repeat('k', 32)), 'cipher' => 'AES-256-CBC'],
        'session' => [
            'driver' => 'file', 'lifetime' => 120, 'expire_on_close' => false, 'encrypt' => false, 'files' => sys_get_temp_dir(), 'connection' => null,
            'table' => 'sessions', 'store' => null, 'lottery' => [0, 100], 'cookie' => 'laravel_session', 'path' => '/', 'domain' => null, 'secure' => false,
            'http_only' => true, 'same_site' => 'lax',
        ],
        'auth' => [
            'defaults' => ['guard' => 'web', 'provider' => 'users'], 'guards' => ['web' => ['driver' => 'session', 'provider' => 'users']],
            'providers' => ['users' => ['driver' => 'database', 'table' => 'users']],
        ],
        'cache' => ['default' => 'redis', 'prefix' => 'laravel_cache', 'stores' => ['redis' => ['driver' => 'redis', 'connection' => 'default']]],
        'database' => ['default' => 'main', 'connections' => [], 'redis' => ['options' => ['prefix' => 'laravel_database_'], 'default' => []]],
        'authenticate_session' => false,
    ]);
    foreach (json_decode(getenv('LARAVEL') ?: '{}', true) as $name => $value) $config->set($name, $value);
    $app->instance('config', $config);
    $app->instance('files', new Filesystem);
    $app->instance('cookie', (new CookieJar)->setDefaultPathAndDomain('/', null, false, 'lax'));
    $app->instance('events', new Dispatcher($app));
    $app->instance('hash', new BcryptHasher(['rounds' => 4]));
    $key = $config->get('app.key');
    $app->instance('encrypter', new Encrypter(str_starts_with($key, 'base64:') ? base64_decode(substr($key, 7)) : $key, $config->get('app.cipher')));
    $app->alias('encrypter', EncrypterContract::class);
    static $db; // one connection for all that a process makes
    $app->instance('db', $db ??= new DatabaseManager($app, new ConnectionFactory($app)));
    $app->instance('redis', new RedisManager($app, 'phpredis', $config->get('database.redis')));
    $app->instance('cache', new CacheManager($app));
    $app->instance('session', new SessionManager($app));
    $app->bind('session.store', fn () => $app['session']->driver());
    $app->instance('auth', new AuthManager($app));
    $app->bind(Guard::class, fn () => $app['auth']->guard());
    return $app;
}

// install makes the tables, and alice (1) and bob (2) with the password secret.
function install(Container $app): void {
    $db = $app['db']->connection();
    $db->statement('create table if not exists users (id integer primary key, name varchar(255), password varchar(255), remember_token varchar(100))');
    $db->statement('create table if not exists sessions (id varchar(255) primary key, user_id bigint, ip_address varchar(45), user_agent text, payload text not null, last_activity integer not null)');
    foreach (['alice', 'bob'] as $i => $name) {
        $db->table('users')->insertOrIgnore(['id' => $i + 1, 'name' => $name, 'password' => $app['hash']->make('secret')]);
    }
}

// serve answers a request: /login and /logout by POST, /who the user's ID, / a page.
function serve(Container $app, Request $request): Response {
    $app->instance('request', $request);
    $auth = $app['auth'];
    $request->setUserResolver(fn ($guard = null) => $auth->guard($guard)->user());
    $next = fn ($request) => controller($app, $request);
    if ($app['config']->get('authenticate_session')) {
        $inner = $next;
        $next = function ($request) use ($auth, $inner) {
            try {
                return (new AuthenticateSession($auth))->handle($request, $inner);
            } catch (AuthenticationException) {
                return new Response('');
            }
        };
    }
    $next = fn ($request) => (new StartSession($app['session']))->handle($request, $next);
    $next = fn ($request) => (new AddQueuedCookiesToResponse($app['cookie']))->handle($request, $next);
    return (new EncryptCookies($app['encrypter']))->handle($request, $next);
}

function controller(Container $app, Request $request): Response {
    $guard = $app['auth']->guard();
    $session = $request->session();
    $path = $request->path();
    if ($request->isMethod('POST') && $path === 'login') {
        if (!$guard->attempt($request->only('name', 'password'), $request->has('remember'))) return new Response('No.', 403);
        $session->put('cart', [['sku' => 'A-17', 'qty' => 2]]);
        return new Response('', 303, ['Location' => '/']);
    }
    if ($request->isMethod('POST') && $path === 'logout') {
        $guard->logout();
        $session->invalidate();
        return new Response('', 303, ['Location' => '/']);
    }
    $id = $guard->id();
    if ($path === 'who') return new Response((string) ($guard->user() ? $id : ''), 200, ['Content-Type' => 'text/plain']);
    $signIn = '<form method="post" action="/login"><input name="name" autocomplete="username"><input name="password" type="password" autocomplete="current-password"><button>Sign in</button></form>';
    $signOut = '<form method="post" action="/logout"><button>Sign out</button></form>';
    return new Response('<!doctype html><title>Laravel</title><p>You are <b id="who">' . ($id === null ? 'nobody' : (int) $id) . '</b>.</p>' . ($id === null ? $signIn : $signOut));
}
