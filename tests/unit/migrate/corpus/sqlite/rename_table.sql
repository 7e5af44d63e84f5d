-- expect: reversible
ALTER TABLE settings RENAME TO options;
