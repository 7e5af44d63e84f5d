-- expect: irreversible
DO $$
BEGIN
  EXECUTE format('DROP TABLE %I', 'events_old');
END
$$;
