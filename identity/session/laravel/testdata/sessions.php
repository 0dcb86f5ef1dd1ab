<?php
// Sessions by Laravel itself; the settings are in the environment.
// make COUNT SEED: makes random sessions, every third one's user is nobody;
//   "COOKIE USER NOTATION" lines.
// judge: reads cookies in base64; answers the user whom Laravel sees, or "-".
// password USER HASH: gives a user another password's hash.
require __DIR__ . '/../../unserialize/testdata/values.php';
require __DIR__ . '/../../../../internal/testbed/apps/laravel/bootstrap.php';

use Illuminate\Cookie\CookieValuePrefix;
use Illuminate\Http\Request;

$app = monolith();
install($app);
if ($argv[1] === 'make') {
    mt_srand((int) $argv[3]);
    for ($i = 0; $i < (int) $argv[2]; $i++) {
        $app = monolith();
        $app->instance('request', Request::create('/'));
        $store = $app['session']->driver();
        $store->start();
        for ($n = mt_rand(0, 6); $n > 0; $n--) $store->put('k' . str_replace('.', '', random_text()) . $n, random_value(1));
        $user = ['-', 1, 2][$i % 3];
        if ($user !== '-') {
            $store->put($app['auth']->guard()->getName(), mt_rand(0, 1) ? $user : (string) $user);
        }
        $store->put('auth', ['name' => "u$i"]);
        $store->save();
        $name = $app['config']->get('session.cookie');
        $encrypter = $app['encrypter'];
        $cookie = $encrypter->encrypt(CookieValuePrefix::create($name, $encrypter->getKey()) . $store->getId(), false);
        $store = monolith()['session']->driver();
        $store->setId($app['session']->driver()->getId());
        $store->start();
        $all = $store->all();
        $budget = 2000;
        echo "$cookie $user ", notation($all, $budget), "\n";
    }
} elseif ($argv[1] === 'judge') {
    while (($line = fgets(STDIN)) !== false) {
        $app = monolith();
        $request = Request::create('/who', 'GET', [], [$app['config']->get('session.cookie') => base64_decode($line)]);
        $who = serve($app, $request)->getContent();
        echo $who === '' ? '-' : $who, "\n";
    }
} elseif ($argv[1] === 'password') {
    $app['db']->connection()->table('users')->where('id', $argv[2])->update(['password' => $argv[3]]);
    echo "\n";
}
