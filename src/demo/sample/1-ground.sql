-- Roles, schemas, extensions and types of the sample company, "Le Comptoir de l'Étoile", a mail-order shop with its own
-- delivery vans. Roles belong to the whole server: all of them start with the prefix socle_demo_, which can be replaced.

SET client_min_messages = warning;
SELECT setseed(0.42);

CREATE ROLE socle_demo_owner NOLOGIN;
CREATE ROLE socle_demo_reader NOLOGIN;
CREATE ROLE socle_demo_app LOGIN CONNECTION LIMIT 40
  PASSWORD 'SCRAM-SHA-256$4096:c29jbGUtZGVtby1zYWx0IQ==$hJg4AtdKaAhXy+0Q+RGuEAVx9fdfWuHYzPQfsSQRCqY=:bpKk6CzSpjzfGNXzV2vBtPEM2o+CVYcTZm6q3mBQ1R8=';
CREATE ROLE "socle_demo_Éloïse Lefèvre" LOGIN VALID UNTIL '2031-12-31 23:59:59+01';
CREATE ROLE socle_demo_accounting NOLOGIN NOINHERIT;
GRANT socle_demo_reader TO socle_demo_app;
GRANT socle_demo_accounting TO "socle_demo_Éloïse Lefèvre" WITH ADMIN OPTION;
COMMENT ON ROLE socle_demo_accounting IS 'La comptabilité : lit tout, écrit les factures';

CREATE SCHEMA extensions;
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO PUBLIC;

CREATE SCHEMA crm AUTHORIZATION socle_demo_owner;
CREATE SCHEMA catalogue AUTHORIZATION socle_demo_owner;
CREATE SCHEMA sales AUTHORIZATION socle_demo_owner;
CREATE SCHEMA logistics AUTHORIZATION socle_demo_owner;
CREATE SCHEMA billing AUTHORIZATION socle_demo_owner;
CREATE SCHEMA audit AUTHORIZATION socle_demo_owner;
CREATE SCHEMA "Données RH" AUTHORIZATION socle_demo_owner;

SET ROLE socle_demo_owner;

CREATE TYPE sales.channel AS ENUM ('web', 'téléphone', 'boutique');
CREATE TYPE sales.order_state AS ENUM ('panier', 'payée', 'expédiée', 'livrée');
-- Added afterwards and in between: its place in the sort order is not that of its creation.
ALTER TYPE sales.order_state ADD VALUE 'préparée' AFTER 'payée';

CREATE TYPE crm.contact AS (name text, telephone text, "préféré" boolean);
CREATE TYPE logistics.dimensions AS (length_cm numeric(6, 1), width_cm numeric(6, 1), height_cm numeric(6, 1));
CREATE TYPE logistics.kelvin_range AS RANGE (subtype = float8, subtype_diff = float8mi);

CREATE DOMAIN crm.postcode AS text CHECK (VALUE ~ '^[0-9A-Z][0-9A-Z -]{2,9}$');
CREATE DOMAIN billing.amount AS numeric(14, 2) DEFAULT 0 NOT NULL CONSTRAINT not_negative CHECK (VALUE >= 0);
CREATE DOMAIN catalogue.ean13 AS char(13)
  CONSTRAINT thirteen_digits CHECK (VALUE ~ '^[0-9]{13}$');

CREATE COLLATION crm.french (provider = icu, locale = 'fr-FR');

CREATE SEQUENCE billing.invoice_number AS bigint START 100000 INCREMENT 3 CACHE 10;
CREATE SEQUENCE logistics.tour_number AS smallint MINVALUE 1 MAXVALUE 999 CYCLE;

CREATE FUNCTION catalogue.ean_check_digit(twelve text) RETURNS text
  LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
  RETURN ((10 - (SELECT sum(substr(twelve, i, 1)::int * CASE WHEN i % 2 = 0 THEN 3 ELSE 1 END)
                   FROM generate_series(1, 12) AS i) % 10) % 10)::text;
COMMENT ON FUNCTION catalogue.ean_check_digit(text) IS 'La clé de contrôle d''un code EAN-13';

CREATE FUNCTION sales.net_of_vat(gross numeric, rate numeric DEFAULT 0.20) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN round(gross / (1 + rate), 2);
END
$$;

CREATE AGGREGATE sales.longest(text) (
  SFUNC = textcat, STYPE = text, INITCOND = ''
);

RESET ROLE;
