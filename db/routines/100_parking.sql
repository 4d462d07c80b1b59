-- Metres between two places along a great circle of the mean earth (radius 6,371,008.8 m, IUGG): within 0.6 % of the ellipsoid WGS 84.
create or replace function great_circle_metres(a point, b point) returns double precision
language sql immutable strict parallel safe as $$
  select 2 * 6371008.8 * asin(least(1, sqrt(
    power(sin(radians(b[1] - a[1]) / 2), 2)
    + cos(radians(a[1])) * cos(radians(b[1])) * power(sin(radians(b[0] - a[0]) / 2), 2))))
$$;

-- Boxes of degrees that hold every point within so many metres: one, or two where they meet the 180th meridian; near a pole all
-- longitudes. The index on positions knows boxes; who is within the circle is said by the distance.
create or replace function boxes_around(centre point, radius_m double precision) returns box[]
language plpgsql immutable strict parallel safe set enable_seqscan = off as $$
declare
  -- A little more than the distance says, so that rounding loses nobody.
  angle double precision := degrees(radius_m / 6371008.8) * 1.0001;
  south double precision := greatest(-90, centre[1] - angle);
  north double precision := least(90, centre[1] + angle);
  wide double precision;
begin
  if south = -90 or north = 90 then
    return array[box(point(-180, south), point(180, north))];
  end if;
  wide := degrees(asin(least(1, sin(radians(angle)) / cos(radians(centre[1]))))) * 1.0001;
  if centre[0] - wide < -180 then
    return array[box(point(-180, south), point(centre[0] + wide, north)),
                 box(point(centre[0] - wide + 360, south), point(180, north))];
  elsif centre[0] + wide > 180 then
    return array[box(point(centre[0] - wide, south), point(180, north)),
                 box(point(-180, south), point(centre[0] + wide - 360, north))];
  end if;
  return array[box(point(centre[0] - wide, south), point(centre[0] + wide, north))];
end
$$;
