<?php
// What PHP makes of serialized data, in a notation that the test has, too.
// dump COUNT SEED: random values, as "BASE64 NOTATION" lines.
// load: reads BASE64 lines, answers notations, or "error".
require __DIR__ . '/values.php';

if ($argv[1] === 'dump') {
    mt_srand((int) $argv[3]);
    for ($i = 0; $i < (int) $argv[2]; $i++) {
        $v = random_value(0);
        $budget = 2000;
        echo base64_encode(serialize($v)), ' ', notation($v, $budget), "\n";
    }
} else {
    while (($line = fgets(STDIN)) !== false) {
        $data = base64_decode($line);
        $v = unserialize($data, ['allowed_classes' => false]);
        $budget = 2000;
        echo $v === false && $data !== 'b:0;' && !str_starts_with($data, 'b:0;') ? 'error' : notation($v, $budget), "\n";
        unset($v);
    }
}
