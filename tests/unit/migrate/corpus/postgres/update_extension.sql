-- expect: irreversible
ALTER EXTENSION plpgsql UPDATE;
