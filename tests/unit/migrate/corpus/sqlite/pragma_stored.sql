-- expect: reversible
PRAGMA user_version = 7;
