package catalog

import (
	"slices"
	"strings"
)

// extensionDef is what an extension defines, as far as scripts name it.
type extensionDef struct {
	types     string // base types
	functions string // name:result type
	views     map[string]string
	requires  string
	schema    string // where the extension decides that itself
}

// extensionDefs are the extensions that are met most (their control and SQL files, and manual appendix F).
var extensionDefs = map[string]extensionDef{
	"citext":   {types: "citext"},
	"hstore":   {types: "hstore ghstore", functions: "hstore:hstore akeys:text[] avals:text[] hstore_to_json:json hstore_to_jsonb:jsonb slice:hstore defined:bool exist:bool delete:hstore"},
	"ltree":    {types: "ltree lquery ltxtquery ltree_gist", functions: "subltree:ltree subpath:ltree nlevel:int4 index:int4 text2ltree:ltree ltree2text:text lca:ltree"},
	"cube":     {types: "cube", functions: "cube_distance:float8 cube_dim:int4"},
	"seg":      {types: "seg"},
	"isn":      {types: "ean13 isbn13 ismn13 issn13 isbn ismn issn upc"},
	"intarray": {types: "query_int", functions: "icount:int4 sort:int4[] uniq:int4[] idx:int4 subarray:int4[] intset:int4[]"},
	"pg_trgm":  {types: "gtrgm", functions: "similarity:float4 show_trgm:text[] word_similarity:float4 strict_word_similarity:float4 show_limit:float4 set_limit:float4"},
	"uuid-ossp": {functions: "uuid_nil:uuid uuid_ns_dns:uuid uuid_ns_url:uuid uuid_ns_oid:uuid uuid_ns_x500:uuid uuid_generate_v1:uuid uuid_generate_v1mc:uuid " +
		"uuid_generate_v3:uuid uuid_generate_v4:uuid uuid_generate_v5:uuid"},
	"pgcrypto":      {functions: "digest:bytea hmac:bytea crypt:text gen_salt:text encrypt:bytea decrypt:bytea gen_random_bytes:bytea pgp_sym_encrypt:bytea pgp_sym_decrypt:text armor:text dearmor:bytea"},
	"unaccent":      {functions: "unaccent:text"},
	"fuzzystrmatch": {functions: "levenshtein:int4 levenshtein_less_equal:int4 metaphone:text soundex:text difference:int4 dmetaphone:text dmetaphone_alt:text"},
	"tablefunc":     {types: "tablefunc_crosstab_2 tablefunc_crosstab_3 tablefunc_crosstab_4", functions: "normal_rand:float8 crosstab:record connectby:record"},
	"btree_gin":     {},
	"btree_gist":    {types: "gbtreekey4 gbtreekey8 gbtreekey16 gbtreekey32 gbtreekey_var gbtreekey2"},
	"moddatetime":   {functions: "moddatetime:trigger"},
	"lo":            {functions: "lo_manage:trigger lo_oid:oid"},
	"dblink":        {functions: "dblink:record dblink_connect:text dblink_disconnect:text dblink_exec:text"},
	"earthdistance": {requires: "cube", functions: "earth:float8 ll_to_earth:earth earth_distance:float8 earth_box:cube"},
	"vector":        {types: "vector halfvec sparsevec", functions: "cosine_distance:float8 l2_distance:float8 inner_product:float8 vector_dims:int4"},
	"postgis": {
		types: "geometry geography box2d box3d raster spheroid",
		functions: "st_astext:text st_asgeojson:text st_geomfromtext:geometry st_geomfromgeojson:geometry st_makepoint:geometry st_setsrid:geometry st_point:geometry " +
			"st_distance:float8 st_dwithin:bool st_contains:bool st_intersects:bool st_within:bool st_x:float8 st_y:float8 st_transform:geometry st_buffer:geometry " +
			"st_area:float8 st_length:float8 st_centroid:geometry st_union:geometry st_makeenvelope:geometry st_srid:int4 st_isvalid:bool st_simplify:geometry",
		views: map[string]string{
			"spatial_ref_sys":   "srid:int4 auth_name:varchar auth_srid:int4 srtext:varchar proj4text:varchar",
			"geometry_columns":  "f_table_catalog:varchar f_table_schema:name f_table_name:name f_geometry_column:name coord_dimension:int4 srid:int4 type:varchar",
			"geography_columns": "f_table_catalog:name f_table_schema:name f_table_name:name f_geography_column:name coord_dimension:int4 srid:int4 type:text",
		},
	},
	"pg_stat_statements": {views: map[string]string{
		"pg_stat_statements": "userid:oid dbid:oid toplevel:bool queryid:int8 query:text plans:int8 total_plan_time:float8 min_plan_time:float8 max_plan_time:float8 " +
			"mean_plan_time:float8 stddev_plan_time:float8 calls:int8 total_exec_time:float8 min_exec_time:float8 max_exec_time:float8 mean_exec_time:float8 " +
			"stddev_exec_time:float8 rows:int8 shared_blks_hit:int8 shared_blks_read:int8 shared_blks_dirtied:int8 shared_blks_written:int8",
		"pg_stat_statements_info": "dealloc:int8 stats_reset:timestamptz",
	}},
	"plpgsql": {schema: "pg_catalog"},
}

func (c *Catalog) createExtension(o CreateExtension) error {
	name := o.On.Name
	if c.Extensions[name] != nil {
		if o.IfNotExists {
			return nil
		}
		return errorf("42710", "extension %q already exists", name)
	}
	def := extensionDefs[name]
	if def.requires != "" && c.Extensions[def.requires] == nil {
		return errorf("42704", "required extension %q is not installed", def.requires)
	}
	if o.On.Schema != "" && c.Schemas[o.On.Schema] == nil {
		return errorf("3F000", "schema %q does not exist", o.On.Schema)
	}
	s, err := c.creationSchema(Name{Schema: o.On.Schema}, false)
	if err != nil {
		return err
	}
	e := &Extension{Name: name, Schema: s.Name, Version: o.Version}
	if def.schema != "" {
		e.Schema = def.schema
	}
	set(c, c.Extensions, name, e)
	for _, t := range strings.Fields(def.types) {
		if s.Types[t] != nil || s.Relations[t] != nil {
			return errorf("42710", "type %q already exists", t)
		}
		c.addType(&UserType{Schema: s.Name, Name: t, Kind: BaseType, Extension: name})
	}
	if name == "lo" {
		c.addType(&UserType{Schema: s.Name, Name: "lo", Kind: Domain, Base: Type{Name: "oid"}, Extension: name})
	}
	if name == "earthdistance" {
		if cube, ok := c.ResolveType(Type{Name: "cube"}); ok {
			c.addType(&UserType{Schema: s.Name, Name: "earth", Kind: Domain, Base: cube, Extension: name})
		}
	}
	for _, f := range strings.Fields(def.functions) {
		f, result, _ := strings.Cut(f, ":")
		element, array := strings.CutSuffix(result, "[]")
		t := Type{Name: element}
		if array {
			t.Dims = 1
		}
		if s.Types[element] != nil {
			t.Schema = s.Name
		}
		c.setFunctions(s.Name, f, append(slices.Clone(s.Functions[f]), &Function{
			ID: c.id(), Schema: s.Name, Name: f, Object: "function", Returns: t, Language: "c", Extension: name,
		}))
	}
	for view, columns := range def.views {
		if err := checkNewRelation(s, view); err != nil {
			return err
		}
		r := &Relation{ID: c.id(), Schema: s.Name, Name: view, Kind: View, Extension: name, Rows: Many}
		if view == "spatial_ref_sys" {
			r.Kind = Table
		}
		for _, col := range strings.Fields(columns) {
			column, t, _ := strings.Cut(col, ":")
			r.Columns = append(r.Columns, &Column{ID: c.id(), Name: column, Type: Type{Name: t}, NotNullValid: true, Local: true})
		}
		c.putRelation(r)
	}
	return nil
}

// extensionContents calls yield for what an extension has defined.
func (c *Catalog) extensionContents(name string, yield func(address)) {
	for _, s := range c.Schemas {
		for _, u := range s.Types {
			if u.Extension == name {
				yield(typeAddress(u))
			}
		}
		for _, list := range s.Functions {
			for _, f := range list {
				if f.Extension == name {
					yield(functionAddress(f))
				}
			}
		}
		for _, r := range s.Relations {
			if r.Extension == name {
				yield(relationAddress(r))
			}
		}
	}
	for _, e := range c.Extensions {
		if extensionDefs[e.Name].requires == name {
			yield(address{kind: extensionObject, name: e.Name})
		}
	}
}

func (c *Catalog) extensionOf(o object) string {
	if o.relation != nil {
		return o.relation.Extension
	}
	return ""
}

func (c *Catalog) alterExtension(o AlterExtension) error {
	e := c.Extensions[o.On.Name]
	if e == nil {
		return errorf("42704", "extension %q does not exist", o.On.Name)
	}
	n := *e
	switch o.Action {
	case "update":
		if o.To != "" {
			n.Version = o.To
		}
	case "set schema":
		if c.Schemas[o.To] == nil {
			return errorf("3F000", "schema %q does not exist", o.To)
		}
		if err := c.moveExtension(e, o.To); err != nil {
			return err
		}
		n.Schema = o.To
	}
	set(c, c.Extensions, n.Name, &n)
	return nil
}

// moveExtension moves what an extension has defined to another schema.
func (c *Catalog) moveExtension(e *Extension, to string) error {
	var members []address
	c.extensionContents(e.Name, func(a address) { members = append(members, a) })
	for _, a := range members {
		switch a.kind {
		case typeObject:
			if err := c.moveType(SetSchema{AlterBase: AlterBase{Base: Base{On: Name{a.schema, a.name}}}, To: to}); err != nil {
				return err
			}
		case functionObject:
			for _, f := range c.Schemas[a.schema].Functions[a.name] {
				if f.ID == a.id {
					if err := c.moveFunctionTo(f, to, f.Name); err != nil {
						return err
					}
				}
			}
		case relationObject:
			r := c.byID[a.id]
			if err := c.moveToSchema(SetSchema{AlterBase: AlterBase{Base: Base{On: r.FullName()}, Object: "table"}, To: to}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Catalog) dropExtension(o DropExtension) error {
	if c.Extensions[o.On.Name] == nil {
		if o.IfExists {
			return nil
		}
		return errorf("42704", "extension %q does not exist", o.On.Name)
	}
	return c.drop([]address{{kind: extensionObject, name: o.On.Name}}, o.Cascade, nil)
}
