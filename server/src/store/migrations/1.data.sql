-- What version 1 wrote, for the test that later versions read it.
INSERT INTO principals VALUES (1, 'local'), (2, 'key:1f2e3d4c');
INSERT INTO conversations VALUES (1, 1, 'trip', 1760000000000), (2, 2, 'trip', 1760000001000);
INSERT INTO messages VALUES
  (1, '0199c82c-b000-7000-8000-000000000001', 1, 1, 'user', NULL, 1760000000000, 'Where does the night train to Lisbon leave?'),
  (2, '0199c82c-b000-7000-8000-000000000002', 1, 1, 'assistant', 'guide', 1760000000500, 'From platform nine.'),
  (3, '0199c82c-b3e8-7000-8000-000000000003', 2, 2, 'user', NULL, 1760000001000, 'Somebody else asks about a train.');
INSERT INTO vectors VALUES (1, 'test-2', X'0000803F00000000'), (2, 'test-2', X'000000000000803F');
