-- Comments, owners, grants, default privileges, settings and the publication.

COMMENT ON SCHEMA "Données RH" IS 'Le personnel : accès restreint';
COMMENT ON TABLE crm.customers IS 'Les clients ; « Éloïse » n''y est qu''un exemple';
COMMENT ON COLUMN crm."Adresses"."N° de rue" IS E'avec « bis » ou « ter »,\nou rien';
COMMENT ON TYPE sales.order_state IS 'du panier à la livraison';
COMMENT ON DOMAIN catalogue.ean13 IS 'code-barres';
COMMENT ON CONSTRAINT "prix raisonnable" ON catalogue.products IS 'les anciens prix n''ont pas été vérifiés';
COMMENT ON INDEX crm."Adresses préférées" IS 'une adresse par défaut par client';
COMMENT ON TRIGGER journal ON billing.invoices IS 'rien ne s''efface sans trace';
COMMENT ON RULE visits_are_kept ON sales.visits IS 'idem';
COMMENT ON POLICY "soi-même" ON "Données RH"."Employés" IS 'chacun voit sa fiche';
COMMENT ON MATERIALIZED VIEW sales.revenue IS 'chiffre d''affaires mensuel';
COMMENT ON SEQUENCE billing.invoice_number IS 'sans trou : voir la loi';

ALTER TABLE audit.journal OWNER TO socle_demo_accounting;
ALTER FUNCTION audit.record() OWNER TO socle_demo_accounting;

GRANT USAGE ON SCHEMA crm, catalogue, sales, logistics TO socle_demo_reader;
GRANT USAGE ON SCHEMA billing, audit, "Données RH" TO socle_demo_accounting;
GRANT SELECT ON ALL TABLES IN SCHEMA crm, catalogue, sales, logistics TO socle_demo_reader;
GRANT INSERT, UPDATE, DELETE ON sales.orders, sales.order_lines TO socle_demo_app;
GRANT SELECT (matricule, nom, compte), UPDATE (contact) ON "Données RH"."Employés" TO socle_demo_app WITH GRANT OPTION;
GRANT ALL ON billing.invoices TO socle_demo_accounting;
GRANT USAGE, SELECT ON SEQUENCE billing.invoice_number TO socle_demo_accounting;
REVOKE EXECUTE ON FUNCTION sales.net_of_vat(numeric, numeric) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sales.net_of_vat(numeric, numeric) TO socle_demo_reader;
GRANT EXECUTE ON PROCEDURE logistics.next_tour(smallint) TO socle_demo_app;
REVOKE USAGE ON TYPE crm.contact FROM PUBLIC;
GRANT USAGE ON TYPE crm.contact TO socle_demo_reader;
GRANT USAGE ON LANGUAGE plpgsql TO socle_demo_app;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO socle_demo_reader;

ALTER DEFAULT PRIVILEGES FOR ROLE socle_demo_owner IN SCHEMA sales GRANT SELECT ON TABLES TO socle_demo_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE socle_demo_owner IN SCHEMA billing GRANT USAGE ON SEQUENCES TO socle_demo_accounting;
ALTER DEFAULT PRIVILEGES FOR ROLE socle_demo_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

DO $$
DECLARE
  item bigint;
BEGIN
  FOR item IN SELECT content::bigint FROM billing.documents ORDER BY id LOOP
    EXECUTE format('ALTER LARGE OBJECT %s OWNER TO %I', item, CASE WHEN item % 5 = 0 THEN 'socle_demo_accounting' ELSE 'socle_demo_owner' END);
    IF item % 2 = 0 THEN
      EXECUTE format('GRANT SELECT ON LARGE OBJECT %s TO socle_demo_reader', item);
    END IF;
  END LOOP;
  COMMENT ON LARGE OBJECT 880001 IS 'le premier bon numérisé';

  EXECUTE format('ALTER DATABASE %I OWNER TO socle_demo_owner', current_database());
  EXECUTE format('COMMENT ON DATABASE %I IS %L', current_database(), 'Le Comptoir de l''Étoile');
  EXECUTE format('ALTER DATABASE %I SET TimeZone = %L', current_database(), 'Europe/Paris');
  EXECUTE format('ALTER DATABASE %I SET search_path = sales, "$user", public', current_database());
  EXECUTE format('ALTER DATABASE %I CONNECTION LIMIT 200', current_database());
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO socle_demo_reader', current_database());
  EXECUTE format('ALTER ROLE socle_demo_reader IN DATABASE %I SET default_transaction_read_only = on', current_database());
END
$$;
ALTER ROLE socle_demo_app SET statement_timeout = '30s';
ALTER ROLE "socle_demo_Éloïse Lefèvre" SET lc_messages = 'C';

CREATE PUBLICATION sample_publication FOR TABLE sales.order_lines WHERE (quantity > 2), crm.customers (id, email, first_name)
  WITH (publish = 'insert');
CREATE PUBLICATION sample_catalogue FOR TABLES IN SCHEMA catalogue WITH (publish = 'insert, update', publish_via_partition_root);
COMMENT ON PUBLICATION sample_publication IS 'pour l''entrepôt de données';

