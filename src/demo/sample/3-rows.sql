-- About 780,000 rows, the same ones every time: numbers from the row's own number, amounts from a seeded generator,
-- moments from fixed dates.

SELECT setseed(0.42);
SET synchronous_commit = off;

CREATE TEMPORARY TABLE words AS SELECT
  ARRAY['Éloïse', 'Zoé', 'François', 'Noël', 'Jürgen', 'Łukasz', 'Søren', 'Ngọc', 'Олена', '陽子', 'علي', 'Σοφία', 'Anaïs',
        'Gaëlle', 'Þór', 'Marie-Thérèse', 'Ñusta', 'Maëlys', 'Renée', 'Jean'] AS first,
  ARRAY['Lefèvre', 'Nguyễn', 'O''Connor', 'Müller', 'Świątek', 'Ångström', 'Garçon', 'de La Tour', 'Čapek', 'Øystein', 'Dupré',
        'Häkkinen', 'Béziers', 'Çelik', 'İnan', 'Saint-Exupéry', 'Lemaître'] AS last,
  ARRAY['Besançon', 'Saint-Étienne', 'Nîmes', 'Orléans', 'Köln', 'Liège', 'Genève', 'Málaga', 'Łódź', 'Évian', 'Aÿ'] AS city,
  ARRAY['Théière', 'Châssis', 'Bouée', 'Fût', 'Cœur', 'Brûleur', 'Gâche', 'Poêle', 'Clé à molette', 'Étagère', 'Naïade'] AS noun,
  ARRAY['bleutée', 'en chêne', '« d''été »', 'n° 5', 'à vis', 'pliée', 'XL', 'naïve', '100 % coton', 'trempée', '€co'] AS adjective,
  ARRAY['jardin', 'cuisine', 'vélo', 'bébé', 'forêt', 'été'] AS interest;

INSERT INTO crm.customers (id, email, first_name, last_name, civility, birth_date, contacts, interests, preferences, created_at, local_midnight, last_ip)
SELECT 1000 + i, 'Client.' || i || '@exemple.test', w.first[1 + i % 20], w.last[1 + (i * 7) % 17],
       (ARRAY['Mme', 'M.', 'Mx', NULL])[1 + i % 4],
       CASE WHEN i % 50 = 0 THEN NULL WHEN i % 997 = 0 THEN date '-infinity' ELSE date '1940-01-01' + (i * 37) % 24000 END,
       CASE WHEN i % 3 = 0 THEN ARRAY[ROW(w.first[1 + i % 7], '+33 6 ' || lpad((i % 100000)::text, 8, '0'), i % 2 = 0)::crm.contact,
                                      ROW(NULL, 'a, "b" \ (c)', NULL)::crm.contact] END,
       CASE WHEN i % 5 = 0 THEN '{}' ELSE w.interest[1 + i % 3 : 3 + i % 4] END,
       jsonb_build_object('lettre', i % 2 = 0, 'langue', 'fr', 'remise', round((random() * 30)::numeric, 1), 'mots', w.interest[1 : i % 4]),
       timestamptz '2019-03-31 01:30:00+00' + i * interval '1 h 7 min 3.000001 s',
       CASE WHEN i % 7 = 0 THEN timestamp 'infinity' ELSE timestamp '2025-10-26 02:30:00' + i * interval '1 min' END,
       ('10.' || i % 250 || '.' || i % 199 || '.' || i % 101)::inet
  FROM words w, generate_series(1, 30000) AS i;

INSERT INTO crm."Adresses" ("client", "N° de rue", "rue ""principale""", "Code postal", "Ville", pays, "select", position)
SELECT 1001 + i % 30000, CASE WHEN i % 9 > 0 THEN (i % 140) || (ARRAY['', ' bis', ' ter'])[1 + i % 3] END,
       'rue de l''' || w.noun[1 + i % 11] || CASE WHEN i % 100 = 0 THEN E'\n2e étage\tporte "B"' ELSE '' END,
       lpad((1000 + i % 94000)::text, 5, '0'), w.city[1 + i % 11], CASE WHEN i % 11 = 4 THEN 'DE' ELSE 'FR' END, i % 3 = 0,
       point(round((random() * 10)::numeric, 5)::float8, round((42 + random() * 8)::numeric, 5)::float8)
  FROM words w, generate_series(1, 40000) AS i;

INSERT INTO catalogue.categories (parent, label)
SELECT CASE WHEN i > 8 THEN 1 + i % 8 END, w.noun[1 + i % 11] || 's ' || w.adjective[1 + i % 10] FROM words w, generate_series(1, 60) AS i;

INSERT INTO catalogue.products (category, ean, name, description, attributes, size, price, weight_g)
SELECT 1 + i % 60, code || catalogue.ean_check_digit(code), w.noun[1 + i % 11] || ' ' || w.adjective[1 + i % 10] || ' ' || i,
       CASE WHEN i % 4 > 0 THEN repeat('Très ' || w.adjective[1 + (i * 3) % 11] || ', pour le ' || w.interest[1 + i % 6] || '. ', 1 + i % 12) END,
       jsonb_build_object('poids', i % 900, 'couleurs', to_jsonb(w.adjective[1 : 1 + i % 5]), 'norme', NULL),
       ROW(i % 90 + 0.5, i % 70, NULL)::logistics.dimensions, round((random() * 300 + 1)::numeric, 2),
       CASE WHEN i % 400 = 0 THEN 'NaN'::real ELSE (random() * 20000)::real END
  FROM words w, generate_series(1, 5000) AS i, LATERAL (SELECT '376' || lpad((i * 7919)::text, 9, '0') AS code) AS c;

INSERT INTO catalogue.translations
SELECT i, language, w.noun[1 + (i + n) % 11] || ' · ' || language FROM words w, generate_series(1, 5000) AS i,
       unnest(ARRAY['de', 'pt-BR']) WITH ORDINALITY AS l (language, n);
INSERT INTO catalogue.photos
SELECT md5('photo' || i)::uuid, 1 + i % 5000, content, sha256(content)
  FROM generate_series(1, 600) AS i,
       LATERAL (SELECT string_agg(sha512((i || '/' || part)::bytea), '' ORDER BY part) AS content FROM generate_series(0, 100 + i % 400) AS part) AS c;
INSERT INTO catalogue.price_history
SELECT 1 + i % 5000, daterange(date '2024-01-01' + i / 5000 * 90, CASE WHEN i < 15000 THEN date '2024-01-01' + (i / 5000 + 1) * 90 END),
       round((random() * 300)::numeric, 2) FROM generate_series(0, 19999) AS i;

INSERT INTO sales.orders (id, customer, channel, state, ordered_at, promised, total, remark)
SELECT i, 1001 + (i * 31) % 30000, (ARRAY['web', 'web', 'téléphone', 'boutique'])[1 + i % 4]::sales.channel,
       (ARRAY['panier', 'payée', 'préparée', 'expédiée', 'livrée'])[1 + i % 5]::sales.order_state,
       timestamptz '2024-12-20 00:00:00+01' + i * interval '10 min 0.5 s',
       CASE WHEN i % 6 > 0 THEN daterange(date '2025-01-01' + i / 144, date '2025-01-04' + i / 144, '[]') END,
       round((random() * 900)::numeric, 2), CASE WHEN i % 12 = 0 THEN 'À livrer au voisin — merci 🙏 n° ' || i END
  FROM generate_series(1, 80000) AS i;
INSERT INTO sales.order_lines ("order", line, product, quantity, unit_price)
SELECT 1 + i / 3, 1 + i % 3, 1 + (i * 17) % 5000, 1 + i % 6, round((random() * 300)::numeric, 2) FROM generate_series(0, 199999) AS i;
-- Every visit of these pages may be there twice: nothing tells the copies apart.
INSERT INTO sales.visits
SELECT timestamp '2026-03-29 02:15:00' + (i / 2) * interval '3 s', '/produit/' || (i / 2) % 400, CASE WHEN i % 8 < 2 THEN 'https://exemple.test/?q=thé' END
  FROM generate_series(1, 60000) AS i;
INSERT INTO sales.carts
SELECT md5('cart' || i)::uuid, jsonb_build_object('lignes', i % 4, 'total', round((random() * 90)::numeric, 2)), timestamptz '2026-06-01 12:00:00+02' + i * interval '1 min'
  FROM generate_series(1, 500) AS i;

INSERT INTO logistics.warehouses
SELECT i, 'Entrepôt ' || w.city[1 + i % 11], ('10.' || i || '.0.0/16')::cidr, '07:30:00+01'::timetz + i * interval '5 min',
       '((0,0),(0,1),(1,1),(1,0))', i::bit(8), ('02:00:00:00:00:' || lpad(to_hex(i), 2, '0'))::macaddr FROM words w, generate_series(1, 12) AS i;
INSERT INTO logistics.stock SELECT 1 + i % 12, 1 + i / 12, i % 500, repeat('x', i % 60) FROM generate_series(0, 23999) AS i;
UPDATE logistics.stock SET quantity = quantity + 1, note = repeat('y', (product * 7) % 900) WHERE product % 3 = 0;
UPDATE logistics.stock SET quantity = quantity - 1, note = 'inventorié' WHERE product % 7 = 0;

INSERT INTO logistics.vehicles VALUES ('REMORQUE-1', '2018-02-28', 750.5, 3);
INSERT INTO logistics.vans (plate, bought_on, payload_kg, cooled, depot)
SELECT 'FR-' || lpad(i::text, 3, '0') || '-ÉT', date '2020-02-29' + i, 1200.25, i % 2 = 0, 1 + i % 12 FROM generate_series(1, 40) AS i;
INSERT INTO logistics.cargo_bikes (plate, payload_kg, battery_wh, tyres, depot)
SELECT 'Vélo ' || i, 180, 500 + i, ARRAY['20″', NULL, 'a,b', ''], NULL FROM generate_series(1, 25) AS i;

INSERT INTO logistics.shipments ("order", warehouse, parcel, window_open, attempts, transit, state)
SELECT i, 1 + i % 12, ROW(i % 60, 20.5, CASE WHEN i % 2 = 0 THEN i % 40 END)::logistics.dimensions,
       tstzrange(at, at + interval '2 h'), CASE WHEN i % 3 = 0 THEN tstzmultirange(tstzrange(at, at + interval '5 min'), tstzrange(at + interval '1 d', NULL)) ELSE '{}' END,
       make_interval(days => i % 9, secs => (i % 86400) + 0.25), (ARRAY['prête', 'en route', 'livrée', 'livrée', 'perdue'])[1 + i % 5]
  FROM generate_series(1, 60000) AS i, LATERAL (SELECT timestamptz '2025-03-30 01:00:00+01' + i * interval '7 min' AS at) AS t;
INSERT INTO logistics.scans
SELECT 1 + i / 3, timestamptz '2025-03-30 01:00:00+01' + i * interval '2 min 0.000123 s', w.city[1 + i % 11], random() * 900 FROM words w, generate_series(0, 179999) AS i;
INSERT INTO logistics.temperatures
SELECT i, 'FR-' || lpad((1 + i % 40)::text, 3, '0') || '-ÉT',
       CASE i % 1000 WHEN 1 THEN 'NaN' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-Infinity' WHEN 4 THEN '-0' ELSE 277.15 + random() * 6 END,
       CASE i % 1000 WHEN 5 THEN 'NaN' WHEN 6 THEN 'Infinity' ELSE (random() * 8)::real END, logistics.kelvin_range(273.15, 273.15 + i % 9, '[]'),
       CASE i % 1000 WHEN 7 THEN 'NaN' WHEN 8 THEN '-Infinity' ELSE random()::numeric END,
       CASE i % 1000 WHEN 9 THEN 'infinity' WHEN 10 THEN '-infinity' ELSE timestamp '0044-03-15 12:00:00 BC' + i * interval '1 d' END,
       CASE i % 1000 WHEN 11 THEN 'infinity' ELSE date '2026-01-01' + i END
  FROM generate_series(1, 30000) AS i;
INSERT INTO logistics.marker DEFAULT VALUES;
INSERT INTO logistics.marker DEFAULT VALUES;

INSERT INTO billing.invoices ("order", issued_on, gross, vat_rates, lines)
SELECT i, date '2025-01-01' + i / 170, round((random() * 900)::numeric, 2), CASE WHEN i % 2 = 0 THEN ARRAY[0.2, 0.055] ELSE '[0:1]={0.1,NULL}'::numeric[] END,
       jsonb_build_array(jsonb_build_object('libellé', w.noun[1 + i % 11], 'qté', i % 9, 'texte', repeat('· ', i % 20)), to_jsonb(i), 'null'::jsonb)
  FROM words w, generate_series(1, 60000) AS i;
-- The scanned documents are large objects, with numbers of our choice: the same ones in every copy of this sample.
INSERT INTO billing.documents
SELECT i, 100000 + 3 * i, lo_from_bytea((880000 + i)::oid, content), 'Bon n° ' || i || '.pdf'
  FROM generate_series(1, 40) AS i,
       LATERAL (SELECT string_agg(sha512(('lo' || i || '/' || part)::bytea), '' ORDER BY part) AS content FROM generate_series(1, i * 120) AS part) AS c;
SELECT lo_create(880100::oid); -- an empty one

INSERT INTO "Données RH".départements SELECT i, (ARRAY['Direction', 'Achats', 'Entrepôt', 'Relation client', 'Comptabilité'])[i], i FROM generate_series(1, 5) AS i;
INSERT INTO "Données RH"."Employés"
SELECT i, w.first[1 + i % 20] || ' ' || w.last[1 + i % 17], 1 + i % 5, ROW(w.first[1 + (i + 3) % 20], '06 00 00 00 ' || i % 100, true)::crm.contact,
       1800 + round((random() * 3000)::numeric, 2), ARRAY[int4range(8, 12), int4range(13, 17 + i % 3)], ARRAY[[i, i + 1], [i * 2, NULL]],
       CASE WHEN i = 7 THEN 'socle_demo_Éloïse Lefèvre' ELSE 'socle_demo_app' END::name
  FROM words w, generate_series(1, 200) AS i;

INSERT INTO audit.journal (at, actor, action, before, after, document)
SELECT timestamptz '2025-10-26 00:30:00+00' + i * interval '61 s', 'app', (ARRAY['insert', 'update', 'delete'])[1 + i % 3],
       CASE WHEN i % 3 > 0 THEN ('{"état": "ancien",  "n":' || i || '}')::json END, jsonb_build_object('n', i, 'clé', md5(i::text)),
       CASE WHEN i % 10 = 0 THEN ('<note langue="fr">n° ' || i || ' &amp; suite</note>')::xml END
  FROM generate_series(1, 20000) AS i;

DROP TABLE words;
