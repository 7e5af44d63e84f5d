-- expect: additive
-- says: upkeep
-- runs: outside a transaction
VACUUM orders;
