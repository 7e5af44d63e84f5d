-- expect: additive
GRANT SELECT ON orders TO PUBLIC;
