<?php
// Sessions by PHP itself. The settings are PHP's, given with -d.
// make COUNT SEED: makes random sessions; "ID NOTATION" lines, as read back.
// judge: reads IDs; answers what PHP makes of each, or "error".
require __DIR__ . '/../../unserialize/testdata/values.php';
ini_set('session.use_cookies', '0');
ini_set('session.use_only_cookies', '0');
ini_set('session.cache_limiter', '');
ob_start(); // session settings cannot change after output

function read(string $id): string {
    session_id($id);
    try {
        if (!session_start()) return 'error';
    } catch (Throwable) { // of a class
        session_abort();
        return 'error';
    }
    $budget = 2000;
    $out = notation($_SESSION, $budget);
    session_abort();
    return $out;
}

$lines = [];
if ($argv[1] === 'make') {
    mt_srand((int) $argv[3]);
    for ($i = 1; $i <= (int) $argv[2]; $i++) {
        session_id(bin2hex(random_bytes(13)));
        session_start();
        for ($n = mt_rand(0, 6); $n > 0; $n--) $_SESSION['k' . str_replace('|', '', random_text()) . $n] = random_value(1);
        $_SESSION['user_id'] = $i;
        $_SESSION['auth'] = ['id' => "u$i"];
        if (mt_rand(0, 3) === 0) $_SESSION['same'] = &$_SESSION['auth'];
        $id = session_id();
        session_write_close();
        $lines[] = $id . ' ' . read($id);
    }
} else {
    while (($id = fgets(STDIN)) !== false) $lines[] = read(trim($id));
}
ob_end_clean();
echo implode("\n", $lines), "\n";
