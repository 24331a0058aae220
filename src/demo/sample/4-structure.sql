-- Keys, indexes, views, triggers, rules and row security, added to the filled tables.

SET ROLE socle_demo_owner;
SET maintenance_work_mem = '128MB';

ALTER TABLE crm.customers ADD PRIMARY KEY (id);
ALTER TABLE crm.customers ADD CONSTRAINT "une adresse, un client" UNIQUE (email);
ALTER TABLE crm."Adresses" ADD PRIMARY KEY ("Id"), ADD FOREIGN KEY ("client") REFERENCES crm.customers ON DELETE CASCADE;
CREATE INDEX customers_by_name ON crm.customers (lower(last_name), first_name DESC NULLS LAST) INCLUDE (email);
CREATE INDEX customers_resembling ON crm.customers USING gin (full_name extensions.gin_trgm_ops);
CREATE INDEX "Adresses préférées" ON crm."Adresses" ("Ville") WHERE "select";
CREATE INDEX ON crm.customers USING brin (created_at) WITH (pages_per_range = 16);

ALTER TABLE catalogue.categories ADD PRIMARY KEY (id), ADD FOREIGN KEY (parent) REFERENCES catalogue.categories;
ALTER TABLE catalogue.products ADD PRIMARY KEY (id), ADD UNIQUE (ean),
  ADD FOREIGN KEY (category) REFERENCES catalogue.categories ON UPDATE CASCADE;
ALTER TABLE catalogue.products ADD CONSTRAINT "prix raisonnable" CHECK (price < 100000) NOT VALID;
CREATE INDEX ON catalogue.products USING gin (search);
CREATE INDEX ON catalogue.products USING gin (attributes jsonb_path_ops);
ALTER TABLE catalogue.translations ADD FOREIGN KEY (product) REFERENCES catalogue.products;
ALTER TABLE catalogue.photos ADD PRIMARY KEY (id), ADD FOREIGN KEY (product) REFERENCES catalogue.products;
ALTER TABLE catalogue.price_history ADD CONSTRAINT one_price_at_a_time EXCLUDE USING gist (product WITH =, during WITH &&);
CREATE STATISTICS catalogue.category_and_price (dependencies, ndistinct) ON category, price FROM catalogue.products;

ALTER TABLE sales.orders ADD PRIMARY KEY (id, ordered_at, channel);
ALTER TABLE sales.orders ADD FOREIGN KEY (customer) REFERENCES crm.customers;
CREATE INDEX orders_by_customer ON sales.orders (customer);
ALTER TABLE sales.order_lines ADD PRIMARY KEY ("order", line);
ALTER TABLE sales.order_lines ADD FOREIGN KEY (product) REFERENCES catalogue.products;
ALTER TABLE sales.order_lines REPLICA IDENTITY FULL;

ALTER TABLE logistics.stock ADD PRIMARY KEY (warehouse, product), ADD FOREIGN KEY (warehouse) REFERENCES logistics.warehouses;
ALTER TABLE logistics.vans ADD PRIMARY KEY (plate);
ALTER TABLE logistics.shipments ADD PRIMARY KEY (id), ADD FOREIGN KEY (warehouse) REFERENCES logistics.warehouses;
CREATE INDEX ON logistics.shipments USING gist (window_open);
ALTER TABLE logistics.shipments CLUSTER ON shipments_pkey;
CREATE INDEX ON logistics.scans (parcel);

ALTER TABLE billing.invoices ADD PRIMARY KEY (number), ADD UNIQUE ("order") DEFERRABLE INITIALLY DEFERRED;
ALTER SEQUENCE billing.invoice_number OWNED BY billing.invoices.number;
ALTER TABLE billing.documents ADD FOREIGN KEY (invoice) REFERENCES billing.invoices DEFERRABLE;

-- Each department has a head, each employee a department: neither can be filled first.
ALTER TABLE "Données RH"."Employés" ADD FOREIGN KEY (département) REFERENCES "Données RH".départements;
ALTER TABLE "Données RH".départements ADD CONSTRAINT "le responsable existe" FOREIGN KEY (responsable)
  REFERENCES "Données RH"."Employés" DEFERRABLE INITIALLY DEFERRED;

CREATE VIEW sales.open_orders WITH (security_barrier) AS
  SELECT o.id, o.customer, c.full_name, o.total FROM sales.orders o JOIN crm.customers c ON c.id = o.customer
   WHERE o.state IN ('payée', 'préparée');
CREATE VIEW crm.directory AS SELECT id, full_name, email::text AS email FROM crm.customers;
CREATE RULE directory_is_read_only AS ON DELETE TO crm.directory DO INSTEAD NOTHING;
CREATE RULE directory_renames AS ON UPDATE TO crm.directory
  DO INSTEAD UPDATE crm.customers SET email = NEW.email WHERE id = OLD.id;
CREATE RULE visits_are_kept AS ON DELETE TO sales.visits DO ALSO
  INSERT INTO audit.journal (actor, action, before) VALUES (current_user, 'delete', to_json(OLD));

CREATE RECURSIVE VIEW catalogue.tree (id, depth, label) AS
  SELECT id, 0, label FROM catalogue.categories WHERE parent IS NULL
  UNION ALL SELECT c.id, t.depth + 1, c.label FROM catalogue.categories c JOIN tree t ON t.id = c.parent;

CREATE MATERIALIZED VIEW sales.revenue AS
  SELECT date_trunc('month', ordered_at AT TIME ZONE 'Europe/Paris')::date AS month, channel, count(*) AS orders, sum(total) AS total
    FROM sales.orders GROUP BY 1, 2 ORDER BY 1, 2;
CREATE UNIQUE INDEX ON sales.revenue (month, channel);
-- Declared, and not filled yet: that is what a correct restore has to bring back.
CREATE MATERIALIZED VIEW sales.revenue_by_product AS
  SELECT product, sum(amount) AS total FROM sales.order_lines GROUP BY product WITH NO DATA;

CREATE FUNCTION audit.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO audit.journal (actor, action, before, after)
  VALUES (session_user, lower(TG_OP), CASE WHEN TG_OP <> 'INSERT' THEN to_json(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
  RETURN NULL;
END
$$;
CREATE TRIGGER journal AFTER INSERT OR UPDATE OR DELETE ON billing.invoices FOR EACH ROW EXECUTE FUNCTION audit.record();
CREATE TRIGGER "prix suivis" AFTER UPDATE OF price ON catalogue.products FOR EACH ROW
  WHEN (OLD.price IS DISTINCT FROM NEW.price) EXECUTE FUNCTION audit.record();
CREATE TRIGGER retired AFTER INSERT ON sales.disputes FOR EACH ROW EXECUTE FUNCTION audit.record();
ALTER TABLE sales.disputes DISABLE TRIGGER retired;
CREATE CONSTRAINT TRIGGER checked_at_commit AFTER INSERT ON logistics.shipments
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit.record();

CREATE PROCEDURE logistics.next_tour(INOUT tour smallint DEFAULT NULL) LANGUAGE sql
  BEGIN ATOMIC
    SELECT nextval('logistics.tour_number')::smallint;
  END;
SELECT nextval('logistics.tour_number') FROM generate_series(1, 1042);

-- Each employee sees the own line; the owner is bound by it as well.
ALTER TABLE "Données RH"."Employés" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "Données RH"."Employés" FORCE ROW LEVEL SECURITY;
CREATE POLICY "soi-même" ON "Données RH"."Employés" FOR SELECT USING (compte = current_user);
CREATE POLICY "la paie" ON "Données RH"."Employés" AS PERMISSIVE FOR ALL TO socle_demo_accounting
  USING (true) WITH CHECK (salaire > 0);
ALTER TABLE sales.disputes ENABLE ROW LEVEL SECURITY;
CREATE POLICY recent ON sales.disputes AS RESTRICTIVE FOR ALL USING (opened_on > '2020-01-01');

RESET ROLE;
