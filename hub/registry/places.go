package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"nghe/hub/database"
	"nghe/shared/feedback"
	"nghe/shared/ident"
)

// Place is where a kiosk may stand, with the name of its ward.
type Place struct {
	feedback.Place
	Ward string `json:"ward"`
}

func (p Place) ident() ident.Place { return ident.Place{ID: p.ID, Name: p.Name, Ward: p.Ward} }

// NoPlace is a place that was asked for and is not one.
type NoPlace struct {
	Asked string
	Near  []Place // those it might be; when Several, those it equally names
	// Several is true when the name fits more than one place.
	Several bool
}

func (e *NoPlace) Error() string {
	var list []string
	for _, p := range e.Near {
		list = append(list, fmt.Sprintf("%s (%s, %s)", p.ID, p.Name, p.Ward))
	}
	near := strings.Join(list, "; ")
	switch {
	case e.Several:
		return fmt.Sprintf("%q names more than one place, give the id: %s", e.Asked, near)
	case near == "":
		return fmt.Sprintf("there is no place %q, and no place at all yet", e.Asked)
	}
	return fmt.Sprintf("there is no place %q; near it: %s", e.Asked, near)
}

// Seed adds the units and places that are not there yet and leaves alone those
// that are, since the ward may have changed them.
func (r *Registry) Seed(ctx context.Context, seed feedback.SeedSet) error {
	err := r.cfg.DB.Write(ctx, func(tx *database.Tx) error {
		for _, u := range seed.Units {
			if err := r.seedUnit(ctx, tx, u); err != nil {
				return fmt.Errorf("unit %s: %w", u.ID, err)
			}
		}
		for _, p := range seed.Places {
			if _, err := tx.Exec(ctx, r.sql["seed place"], p.ID, p.Name, p.Unit, bit(p.Sample)); err != nil {
				return fmt.Errorf("place %s: %w", p.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("seed registry: %w", err)
	}
	return nil
}

func (r *Registry) seedUnit(ctx context.Context, tx *database.Tx, u feedback.Unit) error {
	aliases, err := json.Marshal(slices.Concat([]string{}, u.Aliases))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, r.sql["seed unit"], u.ID, string(u.Kind), u.Name, u.Code, u.Parent,
		string(aliases), u.From, u.Until, u.Successor, bit(u.Sample))
	return err
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// Units are all units, by id.
func (r *Registry) Units(ctx context.Context) ([]feedback.Unit, error) {
	return r.units(ctx, r.cfg.DB.Read())
}

func (r *Registry) units(ctx context.Context, q database.Queryer) ([]feedback.Unit, error) {
	return database.Collect(ctx, q, "read units", r.sql["units"], scanUnit)
}

func scanUnit(row database.Row) (u feedback.Unit, err error) {
	var aliases string
	var sample int64
	err = row.Scan(&u.ID, &u.Kind, &u.Name, &u.Code, &u.Parent, &aliases, &u.From, &u.Until, &u.Successor, &sample)
	if err != nil {
		return u, err
	}
	u.Sample = sample == 1
	err = json.Unmarshal([]byte(aliases), &u.Aliases)
	return u, err
}

// Places are all places with their wards, by id.
func (r *Registry) Places(ctx context.Context) ([]Place, error) {
	return r.places(ctx, r.cfg.DB.Read())
}

func (r *Registry) places(ctx context.Context, q database.Queryer) ([]Place, error) {
	units, err := r.units(ctx, q)
	if err != nil {
		return nil, err
	}
	byID := map[string]feedback.Unit{}
	for _, u := range units {
		byID[u.ID] = u
	}
	return database.Collect(ctx, q, "read places", r.sql["places"], func(row database.Row) (Place, error) { return scanPlace(row, byID) })
}

func scanPlace(row database.Row, units map[string]feedback.Unit) (p Place, err error) {
	var sample int64
	err = row.Scan(&p.ID, &p.Name, &p.Unit, &sample)
	p.Sample = sample == 1
	p.Ward = wardOf(p.Unit, units)
	return p, err
}

// wardOf climbs from a unit to its ward. Units are data: a ring ends the climb.
func wardOf(id string, units map[string]feedback.Unit) string {
	for range len(units) {
		u, ok := units[id]
		if !ok || u.Kind == feedback.Ward {
			return u.Name
		}
		id = u.Parent
	}
	return ""
}

// Place finds a place by its id, its exact name, or its name without marks and
// capitals where that fits only one. *NoPlace says what is near otherwise.
func (r *Registry) Place(ctx context.Context, asked string) (Place, error) {
	places, err := r.Places(ctx)
	if err != nil {
		return Place{}, err
	}
	for _, fits := range []func(Place) bool{
		func(p Place) bool { return p.ID == asked },
		func(p Place) bool { return p.Name == asked },
		func(p Place) bool { return fold(p.Name) == fold(asked) },
	} {
		found := slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return !fits(p) })
		if len(found) == 1 {
			return found[0], nil
		}
		if len(found) > 1 {
			return Place{}, &NoPlace{asked, found, true}
		}
	}
	return Place{}, &NoPlace{asked, near(asked, places), false}
}

// placeByID knows ids only: what programs pass on to each other.
func (r *Registry) placeByID(ctx context.Context, q database.Queryer, id string) (Place, error) {
	places, err := r.places(ctx, q)
	if err != nil {
		return Place{}, err
	}
	for _, p := range places {
		if p.ID == id {
			return p, nil
		}
	}
	return Place{}, &NoPlace{id, near(id, places), false}
}

const nearest = 5

// near are the places whose folded name or id is closest to what was asked,
// best first.
func near(asked string, places []Place) []Place {
	want := fold(asked)
	cost := func(p Place) int {
		name := fold(p.Name)
		if want != "" && strings.Contains(name, want) {
			return 0
		}
		return min(distance(want, name), distance(want, fold(p.ID)))
	}
	sorted := slices.Clone(places)
	slices.SortStableFunc(sorted, func(a, b Place) int { return cost(a) - cost(b) })
	return sorted[:min(nearest, len(sorted))]
}

// letters maps each Vietnamese letter to its bare one.
var letters = strings.NewReplacer(spell("aàáảãạăằắẳẵặâầấẩẫậ", "dđ", "eèéẻẽẹêềếểễệ", "iìíỉĩị",
	"oòóỏõọôồốổỗộơờớởỡợ", "uùúủũụưừứửữự", "yỳýỷỹỵ")...)

func spell(rows ...string) (pairs []string) {
	for _, row := range rows {
		bare := row[:1]
		for _, r := range row[1:] {
			pairs = append(pairs, string(r), bare)
		}
	}
	return pairs
}

// fold drops capitals, marks (whether joined to their letter or following it)
// and repeated spaces.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if r >= 0x300 && r <= 0x36f {
			return -1
		}
		return r
	}, strings.ToLower(s))
	return letters.Replace(strings.Join(strings.Fields(s), " "))
}

const maxFolded = 200 // bytes compared; a name is never longer

// distance is how many letters must change to turn a into b.
func distance(a, b string) int {
	a, b = a[:min(len(a), maxFolded)], b[:min(len(b), maxFolded)]
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		left := row[0]
		row[0] = i + 1
		for j := range len(b) {
			swap := left
			if a[i] != b[j] {
				swap++
			}
			left = row[j+1]
			row[j+1] = min(swap, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
