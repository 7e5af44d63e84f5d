-- expect: irreversible
-- says: by hand
PRAGMA writable_schema = ON;
