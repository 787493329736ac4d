package code

import "testing"

func TestPrisma(t *testing.T) {
	found := checkSQL(t, prismaSchema{}, "prisma/schema.prisma", `
datasource db {
  provider = "postgresql"
}

enum Role { // is no table
  ADMIN
}

/// A person.
model User {
  id        Int      @id @default(autoincrement())
  email     String   @unique @map("email_address") // "quoted // text"
  role      Role?    @default(ADMIN)
  tags      String[]
  vector    Unsupported("tsvector")?
  old       String   @ignore
  posts     Post[]
  updatedAt DateTime @updatedAt @map(name: "updated_at")

  @@map("users")
  @@schema("auth")
}

model Post {
  id       String @id @default(cuid())
  author   User   @relation(fields: [authorId], references: [id])
  authorId Int
}

model Hidden {
  id Int @id
  @@ignore
}

view Summary {
  total Int
}
`,
		`SELECT "id", "email_address", "role", "tags", "updated_at" FROM "auth"."users"`,
		`INSERT INTO "auth"."users" ("email_address", "role", "tags", "updated_at") VALUES ($1, CAST($2::text AS "Role"), $3, $4)`,
		`SELECT "id", "authorId" FROM "Post"`,
		`INSERT INTO "Post" ("id", "authorId") VALUES ($1, $2)`,
		`SELECT "total" FROM "Summary"`)
	for _, q := range found.Queries {
		if q.Name == "User" && q.SQL[0] == 'S' {
			if !q.Implied || q.Source != "prisma" || q.Line != 11 || q.LineAt(14) != 13 || q.LineAt(len(q.SQL)-1) != 11 {
				t.Errorf("got %+v, the second column in line %d", q, q.LineAt(14))
			}
		}
	}
}

func TestPrismaFolder(t *testing.T) {
	checkFiles(t, prismaSchema{}, map[string]string{
		"prisma/user.prisma": "model User {\n id Int @id\n team Team\n kind Kind\n}\n",
		"prisma/team.prisma": "model Team {\n id Int @id\n}\nenum Kind {\n A\n}\n",
	}, `SELECT "id", "kind" FROM "User"`, `INSERT INTO "User" ("id", "kind") VALUES ($1, CAST($2::text AS "Kind"))`, `SELECT "id" FROM "Team"`, `INSERT INTO "Team" ("id") VALUES ($1)`)
	checkSQL(t, prismaSchema{}, "prisma/schema.prisma", "datasource db {\n provider = \"mysql\"\n}\nmodel User {\n id Int @id\n}\n")
}

func TestDjango(t *testing.T) {
	checkFiles(t, djangoModels{}, map[string]string{
		"shop/base/models.py": `
from django.db import models

class Stamped(models.Model):
    created = models.DateTimeField(auto_now_add=True)
    note = models.TextField()
    class Meta:
        abstract = True
`,
		"shop/orders/models/order.py": `
from django.db import models
from shop.base.models import Stamped

class Order(Stamped):
    """An order."""
    number = models.CharField(max_length=10, db_column="order_no")
    customer = models.ForeignKey("people.Customer", on_delete=models.CASCADE)
    note = None
    total = models.GeneratedField(expression=x, output_field=y)
    labels = models.ManyToManyField("Label")
    tags = TaggableManager()
    objects = OrderManager()

    class Meta:
        ordering = ["number"]

class Label(models.Model):
    code = models.CharField(primary_key=True, max_length=3)
    class Meta:
        db_table = "labels"

class Express(Order):
    fee = models.IntegerField()

class Cheap(Order):
    class Meta:
        proxy = True

class Helper:
    name = forms.CharField()
`,
		"shop/people/apps.py":   "class PeopleConfig(AppConfig):\n    label = 'persons'\n",
		"shop/people/models.py": "from django.db import models\nclass Customer(models.Model):\n    name = models.CharField()\n    def f(self):\n        x = models.CharField()\n",
		"shop/odd/models.py":    "from django.db import models\nfrom elsewhere import Unknown\nclass Odd(Unknown, models.Model):\n    name = models.CharField()\n",
	},
		`SELECT "id", "created", "order_no", "customer_id", "total" FROM "orders_order"`,
		`INSERT INTO "orders_order" ("created", "order_no", "customer_id") VALUES ($1, $2, $3)`,
		`SELECT "id", "order_id", "label_id" FROM "orders_order_labels"`,
		`INSERT INTO "orders_order_labels" ("order_id", "label_id") VALUES ($1, $2)`,
		`SELECT "code" FROM "labels"`,
		`INSERT INTO "labels" ("code") VALUES ($1)`,
		`SELECT "order_ptr_id", "fee" FROM "orders_express"`,
		`INSERT INTO "orders_express" ("order_ptr_id", "fee") VALUES ($1, $2)`,
		`SELECT "id", "name" FROM "persons_customer"`,
		`INSERT INTO "persons_customer" ("name") VALUES ($1)`,
		`SELECT "id", "name" FROM "odd_odd"`)
}

func TestSQLAlchemy(t *testing.T) {
	checkFiles(t, alchemyModels{}, map[string]string{
		"app/db.py": `
from sqlalchemy.orm import DeclarativeBase
class Base(DeclarativeBase):
    pass
class WithKey:
    id = Column(UUID, primary_key=True, server_default=text("gen_random_uuid()"))
`,
		"app/models.py": `
from app.db import Base, WithKey
class User(WithKey, Base):
    __tablename__ = "users"
    __table_args__ = (Index("x", "name"), {"schema": "auth"})
    name: Mapped[str]
    email: Mapped[str | None] = mapped_column("email_address", String)
    bio = orm.deferred(mapped_column())
    team_id = Column(Integer, ForeignKey("teams.id"))
    total = Column(Integer, Computed("a + b"))
    team = relationship("Team")
    posts: Mapped[list["Post"]] = relationship()

    def f(self):
        x = Column(Integer)

class Team(Base):
    __tablename__ = "teams"
    id = Column(Integer, primary_key=True)

links = Table("links", metadata, Column("user_id", ForeignKey("users.id")), Column("team_id", Integer))
`,
	},
		`SELECT "name", "email_address", "bio", "team_id", "total", "id" FROM "auth"."users"`,
		`INSERT INTO "auth"."users" ("name", "email_address", "bio", "team_id") VALUES ($1, $2, $3, $4)`,
		`SELECT "id" FROM "teams"`,
		`SELECT "user_id", "team_id" FROM "links"`,
		`INSERT INTO "links" ("user_id", "team_id") VALUES ($1, $2)`)
}

func TestRails(t *testing.T) {
	found := checkFiles(t, railsModels{}, map[string]string{
		"config/initializers/inflections.rb": "ActiveSupport::Inflector.inflections(:en) do |inflect|\n  inflect.acronym \"GitHub\"\nend\n",
		"app/models/application_record.rb":   "class ApplicationRecord < ActiveRecord::Base\n  self.abstract_class = true\nend\n",
		"app/models/billing.rb":              "module Billing\n  def self.table_name_prefix\n    \"billing_\"\n  end\nend\n",
		"app/models/billing/invoice.rb":      "class Billing::Invoice < ApplicationRecord\nend\n",
		"app/models/user.rb": `
class User < ApplicationRecord
  self.ignored_columns += %w[legacy_name old]
  belongs_to :team
  belongs_to :owner, polymorphic: true
  has_many :posts
  enum :status, { active: 0 }
  scope :recent, -> { where("created_at > ?", 1.day.ago).order(created_at: :desc) }
  scope :mine, ->(team) { where(team: team, name: "x").joins(:posts) }

  def self.ids_of(name)
    where(handle: name).pluck(:id, "lower(email)")
  end

  def helper
    where("not_a_query = 1")
  end
end

class Admin < User
end
`,
		"app/models/git_hub_person.rb": "class GitHubPerson < ApplicationRecord\nend\n",
		"app/controllers/users_controller.rb": `
class UsersController < ApplicationController
  def index
    User.joins(:posts).where("posts.title = ?", 1)
    User.where(email: params[:email], posts: { id: 1 }).order("name DESC")
    other.where(nothing: 1)
  end
end
`,
	},
		`SELECT * FROM "users"`, `SELECT * FROM "users"`, `SELECT * FROM "github_people"`, `SELECT * FROM "billing_invoices"`,
		`SELECT "team_id" FROM "users"`, `SELECT "owner_id", "owner_type" FROM "users"`, `SELECT "status" FROM "users"`,
		`SELECT 1 FROM "users" WHERE (created_at > $1)`, `SELECT "created_at" FROM "users"`, `SELECT "name" FROM "users"`,
		`SELECT "handle" FROM "users"`, `SELECT "id" FROM "users"`, `SELECT lower(email) FROM "users"`,
		`SELECT 1 FROM "users", pmcheck_hole1 WHERE (posts.title = $1)`, `SELECT "email" FROM "users"`, `SELECT 1 FROM "users" ORDER BY name DESC`)
	for _, q := range found.Queries {
		if q.Name == "User" && q.SQL == `SELECT * FROM "users"` && (!q.AllColumns || len(q.Except) != 2 || q.Except[0] != "legacy_name") {
			t.Errorf("got %+v", q)
		}
	}
}

func TestInflections(t *testing.T) {
	for class, table := range map[string]string{
		"User": "users", "Category": "categories", "Day": "days", "Address": "addresses", "Box": "boxes", "Person": "people", "APIKeyRole": "api_key_roles",
		"OrderStatus": "order_statuses", "Series": "series", "Analysis": "analyses", "Shelf": "shelves", "Index": "indices", "Datum": "data", "UserNews": "user_news",
	} {
		if got := pluralSnake(class); got != table {
			t.Errorf("%s is in %s, want %s", class, got, table)
		}
	}
	for table, want := range map[string]string{"invoices": "invoice", "categories": "category", "people": "person", "boxes": "box", "news": "news"} {
		if got := singular(table); got != want {
			t.Errorf("one of %s is %s, want %s", table, got, want)
		}
	}
}

// An object literal is the only reference to a column, among others of the same name.
func TestBuilders(t *testing.T) {
	checkSQL(t, queryBuilders{}, "store.ts", ""+
		"const T = { features: 'features' };\nconst COLUMNS = ['id', 'name as n'];\nconst unrelated = { archived: false };\n"+
		"class Store {\n"+
		"  all() { return this.db(T.features).where({ archived: false }).select(COLUMNS); }\n"+
		"  add(name) { return this.db('features').insert({ name, created_at: now() }).returning('id'); }\n"+
		"  off(id) { return knex('features').where('id', id).update({ archived: true }); }\n"+
		"  del(id) { return this.db<Row>('users as u').join('roles as r', 'r.id', 'u.role_id').where('u.id', id).del(); }\n"+
		"  list() { return items.select('x').where({ y: 1 }); }\n"+
		"  open(x) { return db('teams').where(x).first(); }\n"+
		"  count() { return db.select('team_id').count('* as total').from('users').groupBy('team_id').orderBy('total'); }\n"+
		"  kysely() { return db.selectFrom('pet').select(['pet.name']).where('owner_id', '=', 1).execute(); }\n"+
		"  kysely2() { return db.insertInto('pet').values({ species: 'cat' }).execute(); }\n"+
		"}\n",
		`SELECT "archived", "id", "name" FROM "features"`,
		`INSERT INTO "features" ("name", "created_at") VALUES ($1, $2)`, `SELECT "id" FROM "features"`,
		`SELECT "id", "archived" FROM "features"`,
		`SELECT "r"."id", "u"."role_id", "u"."id" FROM "users" AS "u" CROSS JOIN "roles" AS "r"`,
		`SELECT 1 FROM "teams"`,
		`SELECT "team_id" FROM "users"`,
		`SELECT "pet"."name", "owner_id" FROM "pet"`,
		`INSERT INTO "pet" ("species") VALUES ($1)`)
}

func TestTypeORMAndDrizzle(t *testing.T) {
	checkSQL(t, tableClasses{}, "models.ts", `
@Entity({ name: "users", schema: "auth" })
export class User {
  @PrimaryGeneratedColumn() id: number;
  @Column({ name: "full_name", nullable: true }) name: string;
  @Column() lastSeen: Date;
  @ManyToOne(() => Team) @JoinColumn({ name: "team_id" }) team: Team;
  @ManyToOne(() => Org) org: Org;
  @OneToMany(() => Post, p => p.user) posts: Post[];
  other = 1;
}
@Entity()
class UserGroup { @PrimaryColumn() key: string; }

export const teams = pgTable("teams", {
  id: serial("id").primaryKey(),
  slug: text("team_slug").notNull().default("x"),
  createdAt: timestamp(),
}, (t) => [index("i").on(t.slug)]);
const schema = pgSchema("audit");
export const events = schema.table("events", { id: uuid("id") });
`,
		`SELECT "id", "full_name", "lastSeen", "team_id", "orgId" FROM "auth"."users"`,
		`INSERT INTO "auth"."users" ("full_name", "lastSeen", "team_id", "orgId") VALUES ($1, $2, $3, $4)`,
		`SELECT "key" FROM "user_group"`, `INSERT INTO "user_group" ("key") VALUES ($1)`,
		`SELECT "id", "team_slug", "createdAt" FROM "teams"`, `INSERT INTO "teams" ("team_slug", "createdAt") VALUES ($1, $2)`,
		`SELECT "id" FROM "audit"."events"`, `INSERT INTO "audit"."events" ("id") VALUES ($1)`)
}

func TestMikroORM(t *testing.T) {
	checkSQL(t, tableClasses{}, "token.ts", `
import { Entity } from "@mikro-orm/core";
@Entity({ schema: "app", tableName: "auth_tokens" })
export class AuthToken {
  @PrimaryKey({ type: "int8" })
  id!: string;
  @Property({ length: 255 })
  deviceId!: string;
  @Property({ fieldName: "hash_of" }) hash!: string;
  @Property({ persist: false }) temporary!: string;
  @ManyToOne({ entity: () => User })
  user!: User;
  @OneToMany({ mappedBy: "token" }) uses;
}
`,
		`SELECT "id", "device_id", "hash_of", "user_id" FROM "app"."auth_tokens"`,
		`INSERT INTO "app"."auth_tokens" ("device_id", "hash_of", "user_id") VALUES ($1, $2, $3)`)
}

func TestEcto(t *testing.T) {
	checkSQL(t, ectoSchemas{}, "lib/user.ex", `
defmodule App.User do
  use Ecto.Schema
  @primary_key {:uuid, :binary_id, autogenerate: true}
  schema "users" do
    field :name, :string
    field :kind, :string, source: :type
    field :password, :string, virtual: true
    belongs_to :team, App.Team
    belongs_to(:boss, App.User, foreign_key: :boss_key)
    has_many :posts, App.Post
    embeds_one :settings, App.Settings
    timestamps(updated_at: false)
  end
end
`,
		`SELECT "uuid", "name", "type", "team_id", "boss_key", "settings", "inserted_at" FROM "users"`,
		`INSERT INTO "users" ("name", "type", "team_id", "boss_key", "settings", "inserted_at") VALUES ($1, $2, $3, $4, $5, $6)`)
}

// A variant of an enum stands for a column: nothing else names it.
func TestSeaQuery(t *testing.T) {
	checkSQL(t, seaNames{}, "iden.rs", `
#[derive(sea_query::Iden)]
#[iden = "oauth2_sessions"]
pub enum OAuth2Sessions {
    Table,
    #[iden = "oauth2_session_id"]
    OAuth2SessionId,
    Scope,
}
#[derive(Iden)]
enum UserEmails { Table, UserEmailId }
#[derive(Debug)]
enum Other { Table, A }
`, `SELECT "oauth2_session_id", "scope" FROM "oauth2_sessions"`, `SELECT "user_email_id" FROM "user_emails"`)
}

func TestJPA(t *testing.T) {
	found := checkSQL(t, jpaEntities{}, "User.java", `
@Entity
@Table(name = "users", schema = "auth")
public class User {
  private static final long serialVersionUID = 1L;
  @Id @Column(name = "user_id") private Long id;
  private String name;
  @ManyToOne @JoinColumn(name = "team_id") private Team team;
  @OneToMany(mappedBy = "user") private List<Post> posts;
  @Transient private String cache;
}
@Entity
class UserGroup { private String groupName; }
`, `SELECT "user_id", "name", "team_id" FROM "auth"."users"`, `SELECT "group_name" FROM "user_group"`)
	for _, q := range found.Queries {
		if (q.Partial != "") != (q.Name == "UserGroup") {
			t.Errorf("%s: partial is %q", q.Name, q.Partial)
		}
	}
}

func FuzzPrisma(f *testing.F) {
	fuzzExtractor(f, "schema.prisma", func() extractor { return prismaSchema{} }, "model A {\n id Int @id @map(\"x\")\n @@map(\"y\")\n}", "model {", "enum A { model B {")
}

func FuzzDjango(f *testing.F) {
	fuzzExtractor(f, "a/models.py", func() extractor { return djangoModels{} }, "class A(models.Model):\n  b = models.ForeignKey('self')\n  class Meta:\n    db_table = 'x'\nclass A(A):\n  c = models.ManyToManyField(A)\n")
}

func FuzzSQLAlchemy(f *testing.F) {
	fuzzExtractor(f, "a.py", func() extractor { return alchemyModels{} }, "from . import A\nclass A(A):\n  __tablename__ = 'x'\n  a: Mapped[int] = deferred(Column('b'))\nTable('a', m, Column('x'), *c)")
}

func FuzzRails(f *testing.F) {
	fuzzExtractor(f, "app/models/a.rb", func() extractor { return railsModels{} }, "class A::B < ApplicationRecord\n self.table_name = 'x'\n belongs_to :c\n scope :d, -> { where(\"a = ?\").order(:b) }\nend\nclass C < A::B; end\nclass D < D; end", "A.where(\"#{table_name}.x\").joins(:b)")
}

func FuzzBuilders(f *testing.F) {
	fuzzExtractor(f, "a.ts", func() extractor { return queryBuilders{} }, "db('a as b').where({ c: 1, [d]: 2, ...e }).join(f, 'a.b').select(G).update(H); const H = { a: H }; const G = [G];")
}

func FuzzTableClasses(f *testing.F) {
	fuzzExtractor(f, "a.ts", func() extractor { return tableClasses{} }, "@Entity({name: 'a'}) class A extends B { @Column({name: 'b'}) c; @ManyToOne() d }", "pgTable('a', { b: text('c').x(), ...d }); pgTable('a', (t) => ({ b: t.c() }))")
}

func FuzzEcto(f *testing.F) {
	fuzzExtractor(f, "a.ex", func() extractor { return ectoSchemas{} }, "defmodule A do\n @primary_key false\n schema \"a\" do\n field :b, :c, source: :d\n timestamps()\n end\nend")
}

func FuzzSeaQuery(f *testing.F) {
	fuzzExtractor(f, "a.rs", func() extractor { return seaNames{} }, "#[derive(Iden)] #[iden = \"a\"] enum A { Table, #[iden = \"b\"] B }")
}

func FuzzJPA(f *testing.F) {
	fuzzExtractor(f, "A.java", func() extractor { return jpaEntities{} }, "@Entity @Table(name = \"a\") class A { @Column(name = \"b\") int c, d; @ManyToOne E e; }")
}
