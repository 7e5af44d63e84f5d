-- expect: additive
CREATE VIRTUAL TABLE search USING fts5(title, content='posts');
