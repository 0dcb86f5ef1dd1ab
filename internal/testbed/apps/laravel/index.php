<?php
require __DIR__ . '/bootstrap.php';

$app = monolith();
install($app);
serve($app, Illuminate\Http\Request::capture())->send();
