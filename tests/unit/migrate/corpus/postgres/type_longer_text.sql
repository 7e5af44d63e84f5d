-- expect: additive
ALTER TABLE invitations ALTER COLUMN sent_to TYPE varchar(200);
