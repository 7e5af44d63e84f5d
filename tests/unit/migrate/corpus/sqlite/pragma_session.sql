-- expect: additive
PRAGMA foreign_keys = ON;
PRAGMA foreign_key_check;
PRAGMA optimize;
