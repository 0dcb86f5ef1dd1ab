<?php
// Random values, and a notation of values that the tests have, too.
error_reporting(0);

class Plain { public $a = 1; protected $b = [1]; private $c = 'x'; }
class Own { public $data; function __serialize(): array { return ['data' => $this->data]; } function __unserialize(array $d): void { $this->data = $d['data'] ?? null; } }
enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }

function notation(&$v, &$budget, $depth = 0) {
    if (--$budget < 0 || $depth > 10) return '~';
    switch (gettype($v)) {
        case 'NULL': return 'N';
        case 'boolean': return $v ? 'T' : 'F';
        case 'integer': return "i$v";
        case 'double': return is_nan($v) ? 'fnan' : 'f' . bin2hex(pack('E', $v));
        case 'string': return 's' . bin2hex($v);
        case 'array':
            $parts = [];
            foreach ($v as $key => &$item) $parts[] = (is_int($key) ? "i$key" : 's' . bin2hex($key)) . ':' . notation($item, $budget, $depth + 1);
            return '[' . implode(',', $parts) . ']';
    }
    return 'O';
}

function random_text() { return str_repeat(['a', "\0", '";', "\xff", 'é', '0', '12', '-5', '|', ''][mt_rand(0, 9)], mt_rand(0, 3)); }

function random_value($depth) {
    switch (mt_rand(0, $depth > 4 ? 8 : 14)) {
        case 0: return null;
        case 1: return (bool) mt_rand(0, 1);
        case 2: return mt_rand(-1000, 1000);
        case 3: return [PHP_INT_MAX, PHP_INT_MIN, 0, -1][mt_rand(0, 3)];
        case 4: return mt_rand() / 7.0 - 1e5;
        case 5: return [NAN, INF, -INF, 0.1, 1e300, 5e-324, -0.0, 3.0][mt_rand(0, 7)];
        case 6: case 7: case 8: return random_text();
        case 9: $o = new Plain; $o->more = random_value($depth + 1); return $o;
        case 10: $o = new Own; $o->data = random_value($depth + 1); return [$o, $o];
        case 11: return [Suit::Hearts, new ArrayObject([1, random_value($depth + 1)]), new DateTime('2024-01-01')];
        case 12: $x = random_value($depth + 1); return ['a' => &$x, 'b' => &$x, 'c' => 1];
        default:
            $out = [];
            for ($i = mt_rand(0, 5); $i > 0; $i--) $out[mt_rand(0, 1) ? mt_rand(-3, 30) : random_text()] = random_value($depth + 1);
            return $out;
    }
}
