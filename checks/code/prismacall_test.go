package code

import (
	"bytes"
	"context"
	"testing"
)

const prismaClientSchema = `
datasource db {
  provider = "postgresql"
}
enum Kind {
  SIGNER
  VIEWER @map("viewer")
  @@map("kind")
  @@schema("app")
}
model Guest {
  id     Int    @id @default(autoincrement())
  partyId Int   @map("party_id")
  email  String @unique
  name   String?
  kinds  Kind[]
  party  Party  @relation(fields: [partyId], references: [id])
  @@unique([partyId, email])
  @@unique(fields: [name, partyId(sort: Desc)], name: "seat", map: "seat_key")
  @@map("guests")
}
model Party {
  id     Int @id
  kind   Kind
  guests Guest[]
}
`

// prismaInsert is the INSERT of a Guest, which its upserts begin with.
const prismaInsert = `INSERT INTO "guests" ("party_id", "email", "name", "kinds") VALUES ($1, $2, $3, CAST($4::text[] AS "app"."kind"[]))`

func TestPrismaUpsert(t *testing.T) {
	for name, test := range map[string]struct {
		call string
		want []string
	}{
		"by a field":               {`db.guest.upsert({where: {email}, create: {email, partyId: 1}, update: {name: 'a'}})`, []string{prismaInsert + ` ON CONFLICT ("email") DO UPDATE SET "name" = EXCLUDED."name"`}},
		"by several":               {`tx.guest.upsert({where: {partyId_email: {partyId: p.id, email: old?.email ?? g.email}}, create: {partyId: p.id, email: g.email}, update: {}})`, []string{prismaInsert + ` ON CONFLICT ("party_id", "email") DO NOTHING`}},
		"by a key's name":          {`this.prisma.guest.upsert({where: {seat: {name: n, partyId: 1}}, create: {name: n, partyId: 1, email}, update: {email}, select: {id: true}})`, []string{prismaInsert + ` ON CONFLICT ("name", "party_id") DO UPDATE SET "email" = EXCLUDED."email"`}},
		"another value":            {`db.guest.upsert({where: {email: a}, create: {email: b, partyId: 1}, update: {}})`, nil},
		"two keys":                 {`db.guest.upsert({where: {id: 1, email}, create: {email, partyId: 1}, update: {}})`, nil},
		"no key":                   {`db.guest.upsert({where: {name}, create: {name, partyId: 1}, update: {}})`, nil},
		"the key is not created":   {`db.guest.upsert({where: {id: 1}, create: {email, partyId: 1}, update: {}})`, nil},
		"a relation is written":    {`db.guest.upsert({where: {email}, create: {email, party: {connect: {id: 1}}}, update: {}})`, nil},
		"a relation is read":       {`db.guest.upsert({where: {email}, create: {email, partyId: 1}, update: {}, include: {party: true}})`, nil},
		"a relation is selected":   {`db.guest.upsert({where: {email}, create: {email, partyId: 1}, update: {}, select: {party: true}})`, nil},
		"not all of it is written": {`db.guest.upsert({where: {email}, create: {email, ...rest}, update: {}})`, nil},
		"a model of no schema":     {`db.host.upsert({where: {email}, create: {email}, update: {}})`, nil},
		"no object":                {`db.guest.upsert(options)`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			found := checkFiles(t, prismaCalls{}, map[string]string{"prisma/schema.prisma": prismaClientSchema, "src/guests.ts": "export async function save() {\n  return await " + test.call + "\n}\n"}, test.want...)
			for _, q := range found.Queries {
				if q.Name != "save" || q.Path != "src/guests.ts" || q.Line != 2 || q.LineAt(len(q.SQL)-1) != 2 || q.Implied {
					t.Errorf("got %+v", q)
				}
			}
		})
	}
}

func TestPrismaLabels(t *testing.T) {
	const signer, viewer = `SELECT 'SIGNER'::"app"."kind"`, `SELECT 'viewer'::"app"."kind"`
	for name, test := range map[string]struct {
		call string
		want []string
	}{
		"text":               {`db.party.create({data: {id: 1, kind: "VIEWER"}})`, []string{viewer}},
		"member":             {`db.party.findMany({where: {OR: [{kind: Kind.SIGNER}, {id: 2}]}})`, []string{signer}},
		"either":             {`db.party.updateMany({data: {kind: old === "SIGNER" ? ("VIEWER" as const) : $Enums.Kind.VIEWER}})`, []string{viewer, viewer}},
		"lists":              {`db.guest.createMany({data: [{kinds: ["SIGNER"]}, {kinds: {set: [Kind.VIEWER]}}]})`, []string{signer, viewer}},
		"another enum":       {`db.party.create({data: {kind: Sort.SIGNER}})`, nil},
		"no label":           {`db.party.create({data: {kind: "HOST"}})`, nil},
		"another's column":   {`db.party.create({data: {guests: {create: {kind: "VIEWER"}}}})`, nil},
		"another's function": {`db.party.render({data: {kind: "VIEWER"}})`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			checkFiles(t, prismaCalls{}, map[string]string{"prisma/schema.prisma": prismaClientSchema, "src/party.ts": test.call + "\n"}, test.want...)
		})
	}
}

// A call is read only for what the delta is about; a member that two schemas have is no one's.
func TestPrismaCallsSelected(t *testing.T) {
	call := map[string]string{"prisma/schema.prisma": prismaClientSchema, "src/guests.ts": `db.guest.upsert({where: {email}, create: {email, partyId: 1}, update: {}})`}
	if found := extractAll(t, prismaCalls{}, NewNames([]string{"guests"}, nil), call); len(found.Queries) != 1 {
		t.Errorf("got %v, want the upsert", sqlOf(found))
	}
	if found := extractAll(t, prismaCalls{}, NewNames([]string{"hosts"}, nil), call); len(found.Queries) != 0 {
		t.Errorf("got %v, want nothing: it is about another table", sqlOf(found))
	}
	call["other/schema.prisma"] = "model Guest {\n id Int @id\n email String @unique\n}\n"
	if found := extractAll(t, prismaCalls{}, AllNames(), call); len(found.Queries) != 0 {
		t.Errorf("got %v, want nothing: two schemas have a Guest", sqlOf(found))
	}
}

func FuzzPrismaCalls(f *testing.F) {
	for _, seed := range []string{"db.guest.upsert({where: {partyId_email: {partyId, email: a ? b : email}}, create: {partyId, email}, update: {}})",
		"db.party.create({data: {kind: 'SIGNER'", "x.guest.upsert({where: {}, create: {}, update: {...a}})", "x.party.findMany({where: {kind: {in: [Kind.VIEWER]}}})"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		content = clean(content)
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		s := testSink(ctx, prismaCalls{}, AllNames(), nil)
		prismaCalls{}.extract([]*file{{path: "schema.prisma", content: []byte(prismaClientSchema)}, {path: "a.ts", content: content}}, s)
		if ctx.Err() != nil {
			t.Errorf("it took longer than %s", patience)
		}
		lines := bytes.Count(content, []byte("\n")) + 1
		for _, q := range s.found.Queries {
			if q.Path != "a.ts" || q.Line < 1 || q.EndLine < q.Line || q.EndLine > lines || q.SQL == "" {
				t.Errorf("%q is at %s:%d-%d of %d lines", q.SQL, q.Path, q.Line, q.EndLine, lines)
			}
		}
	})
}
