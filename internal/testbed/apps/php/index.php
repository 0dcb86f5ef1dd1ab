<?php
// A monolith in plain PHP: a page that says who it is, a form to sign in, a
// button to sign out. Who is asked for as text at /who.
session_start();

// Users and their passwords; the IDs are 1 and 2.
$users = ['alice' => 'secret', 'bob' => 'secret'];

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
$post = $_SERVER['REQUEST_METHOD'] === 'POST';
if ($path === '/login' && $post) {
    $name = $_POST['name'] ?? '';
    if (!isset($users[$name]) || !hash_equals($users[$name], $_POST['password'] ?? '')) {
        http_response_code(403);
        exit('No.');
    }
    session_regenerate_id(true);
    $_SESSION['user_id'] = array_search($name, array_keys($users), true) + 1;
    $_SESSION['auth'] = ['name' => $name, 'since' => time(), 'cart' => [['sku' => 'A-17', 'qty' => 2]]];
    header('Location: /', true, 303);
    exit;
}
if ($path === '/logout' && $post) {
    $_SESSION = [];
    session_destroy();
    header('Location: /', true, 303);
    exit;
}
$who = empty($_SESSION['user_id']) ? '' : (string) $_SESSION['user_id'];
if ($path === '/who') {
    header('Content-Type: text/plain');
    exit($who);
}
?>
<!doctype html>
<title>PHP</title>
<?php if ($who !== ''): ?>
<p>You are user <b id="who"><?= htmlspecialchars($who) ?></b>.</p>
<form method="post" action="/logout"><button>Sign out</button></form>
<?php else: ?>
<p>You are <b id="who">nobody</b>.</p>
<form method="post" action="/login">
<input name="name" autocomplete="username"><input name="password" type="password" autocomplete="current-password"><button>Sign in</button>
</form>
<?php endif ?>
