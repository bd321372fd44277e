-- Principals, their conversations, the messages in these, and what is needed to find them again.

PRAGMA application_id = 0x74616267; -- "tabg"

CREATE TABLE principals (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE
) STRICT;

-- `name` is what its principal calls the conversation; two principals may call theirs the same.
CREATE TABLE conversations (
  number INTEGER PRIMARY KEY,
  principal INTEGER NOT NULL REFERENCES principals (number) ON DELETE CASCADE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  UNIQUE (principal, name)
) STRICT;

-- `number` grows with every message, so it is their order. Times are milliseconds since 1970. The principal is that of the
-- conversation, written here too so that its newest messages are found without a look at anybody else's.
CREATE TABLE messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  principal INTEGER NOT NULL REFERENCES principals (number) ON DELETE CASCADE,
  conversation INTEGER NOT NULL REFERENCES conversations (number) ON DELETE CASCADE,
  role TEXT NOT NULL,
  name TEXT,
  created_at INTEGER NOT NULL,
  content TEXT NOT NULL
) STRICT;
CREATE INDEX messages_of_principal ON messages (principal, number);
CREATE INDEX messages_of_conversation ON messages (conversation, number);

-- 32-bit floats, little-endian. Only vectors of one model can be compared.
CREATE TABLE vectors (
  message INTEGER PRIMARY KEY REFERENCES messages (number) ON DELETE CASCADE,
  model TEXT NOT NULL,
  vector BLOB NOT NULL
) STRICT;

-- The words of the messages; their text stays where it is.
CREATE VIRTUAL TABLE words USING fts5 (
  content, content = 'messages', content_rowid = 'number', tokenize = 'unicode61 remove_diacritics 2'
);
CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
  INSERT INTO words (rowid, content) VALUES (new.number, new.content);
END;
CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
  INSERT INTO words (words, rowid, content) VALUES ('delete', old.number, old.content);
END;
CREATE TRIGGER messages_updated AFTER UPDATE OF content ON messages BEGIN
  INSERT INTO words (words, rowid, content) VALUES ('delete', old.number, old.content);
  INSERT INTO words (rowid, content) VALUES (new.number, new.content);
END;
