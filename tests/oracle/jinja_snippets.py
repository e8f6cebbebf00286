"""Small templates that between them use every construct; all see CONTEXT."""

CONTEXT = {
    "name": "Ada Lovelace",
    "empty": "",
    "text": "The quick  brown\tfox\njumps over the lazy dog.",
    "uni": "Größe straße ÉCOLE ǆ ΑΣ. 日本語 \U0001F600",
    "html": "<a href=\"x\">T & 'q'</a>",
    "n": 7,
    "neg": -7,
    "f": 2.5,
    "zero": 0,
    "yes": True,
    "no": False,
    "nothing": None,
    "numbers": [3, 1, 2, 10, -4],
    "floats": [0.5, 1.25, 2.0],
    "words": ["pear", "Apple", "fig", "apple", "Banana"],
    "mixed": [1, "a", None, True, 2.5, [1], {"k": "v"}],
    "pairs": [["a", 1], ["b", 2]],
    "people": [
        {"name": "Bo", "age": 30, "city": {"zip": "x1"}, "tags": ["r", "s"]},
        {"name": "al", "age": 25, "city": {"zip": "x2"}},
        {"name": "Cy", "age": 30, "city": {"zip": "x0"}, "admin": True},
    ],
    "d": {"b": 2, "a": 1, "C": 3, "items": "shadow", "nested": {"x": [1, {"y": "z"}]}},
    "deep": {"a": {"b": {"c": [10, 20, 30]}}},
    "long": "one two three four five six seven",
}

EXPRESSIONS = """
1 + 2 * 3
(1 + 2) * 3
7 / 2
8 / 2
7 // 2
-7 // 2
7 % 3
-7 % 3
7 % -3
7.5 // 2
-7.5 % 2
7.0 % 0.3
2 ** 10
2 ** -1
2 ** 3 ** 2
-2 ** 2
2.0 ** 0.5
1 / 3
1e3
1.5e-7
1_000_000
0x1F
0b101
0o17
1e22
1e16
123456789012345678
0.1 + 0.2
-0.0
5 / 0
5 % 0
5 // 0.0
1 + "a"
"a" + 1
"a" + nothing
"a" ~ 1 ~ none ~ true ~ 2.0 ~ missing ~ [1, 'x']
"a" * 3
3 * "ab"
[1, 2] * 2
"a" * -1
[1] + [2, 3]
(1, 2) + (3,)
[1] + (2,)
true + 1
true and "x"
"" or "y"
0 or none
not 0
not not 1
1 and 2 or 3
none or missing
missing or 'dflt'
missing
missing.foo
missing + 1
missing == missing
missing == none
missing is defined
missing is undefined
name is defined
nothing is none
nothing is not none
n is defined and n > 5
1 < 2 < 3
1 < 3 < 2
1 == 1.0
1 == true
"a" == 'a'
"a" < "b"
"a" < 1
[1, 2] < [1, 3]
[1, 2] == [1, 2]
(1, 2) == [1, 2]
{'a': 1} == {'a': 1}
1 in [1, 2]
3 not in [1, 2]
"a" in "cat"
"" in "cat"
1 in "cat"
"a" in d
"zz" in d
"x" in missing
1 in none
not 1 in [2]
none < 1
1 if yes else 2
1 if no else 2
1 if no
(1 if no) is defined
"a" if no else "b" if no else "c"
[1, 2, 3][0]
[1, 2, 3][-1]
[1, 2, 3][5]
[1, 2, 3][5] is defined
numbers[1:3]
numbers[:2]
numbers[2:]
numbers[::-1]
numbers[::2]
numbers[-2:]
numbers[10:]
numbers[3:1:-1]
numbers[::0]
name[0]
name[-1]
name[4:8]
name[::-1]
uni[0:5]
uni[-1]
uni[::-1]
(1, 2, 3)[1:]
name[none:3]
name["x"]
d.a
d['a']
d.items
d['items']
d.missing
d.missing.x
d.nested.x[1].y
deep.a.b.c[1]
deep['a'].b['c'][-1]
deep.a.b.c.0
people[0].name
people[0]['city'].zip
people[9].name
none.x
n.real
name.__class__
d.__class__
d._private
d.get('a')
d.get('zz')
d.get('zz', 5)
d.keys() | list
d.values() | list
d.items() | list
d.keys()
d.items() | length
d.items()
d.nested.items() | first
d.update({'x': 1})
d.pop('a')
numbers.append(3)
numbers.append is defined
numbers.index(2)
numbers.index(99)
numbers.count(1)
numbers.sort()
(1, 2).index(2)
name.upper()
name.lower()
"hello world".title()
"hello WORLD".capitalize()
"Hello".swapcase()
uni.upper()
uni.lower()
uni.title()
uni.capitalize()
"they're bill's".title()
name.split()
name.split(' ')
name.split('a')
"a,b,,c".split(',')
"a,b,,c".split(',', 1)
"a,b,,c".rsplit(',', 1)
"  a  b c ".split()
"  a  b c ".split(None, 1)
"  a  b c ".rsplit(None, 1)
"".split()
"".split(',')
"abc".split('')
"  x ".strip()
"  x ".lstrip() ~ '|'
"  x ".rstrip() ~ '|'
"xxaxx".strip('x')
"abcba".lstrip('ab')
"abcba".rstrip('ab')
"\\n a \\t".strip()
name.startswith('Ada')
name.startswith(('X', 'Ada'))
name.endswith('ce')
name.startswith('L', 4)
name.replace('a', 'A')
name.replace('a', 'A', 1)
"aaa".replace('', '-')
"aaa".replace('', '-', 2)
name.find('L')
name.find('zz')
uni.find('ÉCOLE')
name.rfind('a')
name.index('zz')
name.count('a')
"aaaa".count('aa')
"abc".count('')
", ".join(['a', 'b'])
", ".join([1, 2])
"-".join("abc")
"a-b-c".partition('-')
"a-b-c".rpartition('-')
"abc".partition('-')
"prefix-x".removeprefix('prefix-')
"x.txt".removesuffix('.txt')
"a\\nb\\r\\nc".splitlines()
"a\\nb\\n".splitlines(true)
"ab".center(7, '*')
"abc".center(6, '*')
"ab".ljust(5, '.') ~ '|'
"ab".rjust(5)
"42".zfill(5)
"-42".zfill(5)
"abc".isalpha()
"ab1".isalnum()
"123".isdigit()
"½".isnumeric()
" \\t".isspace()
"ABC".isupper()
"abc".islower()
"".isalpha()
"{} and {}".format(1, 'x')
"{1} {0}".format('a', 'b')
"{x} {y!r}".format(x=1, y='q')
"{:>6}|{:<6}|{:^6}|".format('a', 'b', 'c')
"{:05d} {:.2f} {:,} {:x} {:+d} {:e}".format(42, 3.14159, 1234567, 255, 5, 12345.678)
"{:*^9}".format('mid')
"{0[a]} {0[nested]}".format(d)
"{{}} {}".format(1)
"{".format(1)
"{} {}".format(1)
"%s is %d years" % ('Bo', 30)
"%s" % 5
"%5.2f|%-5s|%05d|%x|%r" % (3.14159, 'ab', 42, 255, 'q')
"%(a)s-%(b)d" % d
"%s %s" % 'a'
"%d" % 'a'
"100%%" % ()
"%s" % [1, 2]
"%e %g %g" % (12345.678, 0.00001, 1e20)
name | upper
name | lower
name | title
"foo-bar (baz) [qux] don't" | title
name | capitalize
uni | upper
uni | title
"  x  " | trim
"xxaxx" | trim('x')
5 | trim
none | upper
name | length
uni | length
numbers | length
d | length
missing | length
5 | length
none | length
numbers | first
numbers | last
[] | first
[] | first is defined
[] | last
"abc" | first
"abc" | last
d | first
name | list
d | list
5 | list
numbers | join(', ')
numbers | join
people | join(', ', attribute='name')
mixed | join('|')
missing | join(',')
5 | join
numbers | sort
words | sort
words | sort(case_sensitive=true)
words | sort(reverse=true)
people | sort(attribute='age') | map(attribute='name') | list
people | sort(attribute='age,name') | map(attribute='name') | list
people | sort(attribute='city.zip') | map(attribute='name') | join(',')
mixed | sort
words | unique | list
words | unique(case_sensitive=true) | list
people | unique(attribute='age') | map(attribute='name') | list
numbers | reverse | list
"abc" | reverse
numbers | sum
floats | sum
people | sum(attribute='age')
numbers | sum(start=100)
words | sum
numbers | min
numbers | max
words | min
words | max(case_sensitive=true)
people | max(attribute='age')
[] | max
words | map('upper') | list
words | map('replace', 'p', 'P') | list
people | map(attribute='name') | list
people | map(attribute='city.zip') | list
people | map(attribute='tags', default='none') | list
people | map(attribute='tags') | list
words | map('length') | sum
words | map | list
words | map('nosuch') | list
numbers | select('odd') | list
numbers | select('>', 1) | list
numbers | select | list
numbers | reject('even') | list
mixed | select('string') | list
mixed | reject('none') | list
people | selectattr('admin') | map(attribute='name') | list
people | selectattr('age', 'equalto', 30) | map(attribute='name') | list
people | selectattr('admin', 'defined') | list | length
people | rejectattr('age', '>', 26) | map(attribute='name') | list
people | rejectattr('admin') | list | length
numbers | select('nosuch') | list
numbers | select('odd') | length
(numbers | select('odd')) is sequence
d | dictsort
d | dictsort(true)
d.nested | dictsort
{'b': 1, 'a': 2} | dictsort(by='value')
{'b': 1, 'a': 2} | dictsort(reverse=true)
d | items | list
missing | items | list
numbers | items
d | tojson
mixed | tojson
uni | tojson
html | tojson
d | tojson(indent=2)
d | tojson(indent=0)
[] | tojson(indent=2)
{} | tojson
mixed | tojson(indent='-')
d | tojson(sort_keys=true)
d | tojson(separators=(',', ':'))
uni | tojson(ensure_ascii=true)
{1: 'a', none: 'b', true: 'c', 2.5: 'd'} | tojson
"\\u0001\\x7f\\u2028" | tojson
1e20 | tojson
missing | tojson
(1, 2) | tojson
name | tojson | length
html | escape
html | e
html | safe
'a<'|safe + '<b>' + 'c'
'<' + (html | escape)
('<' | escape) + '<' | string
'<' | safe is escaped
'<' is escaped
'<' | escape | escape
'<' | escape | forceescape
('<'|safe) ~ '<'
5 | string ~ 'x'
"5" | int + 1
"5.7" | int
" 12 " | int
"abc" | int
"abc" | int(9)
"ff" | int(0, 16)
"0x1f" | int(base=16)
3.9 | int
-3.9 | int
none | int
true | int
missing | int
"1_000" | int
"2.5" | float
"abc" | float
"1e3" | float
"inf" | float
"nan" | float
5 | float
none | float(1.5)
-5 | abs
-2.5 | abs
"a" | abs
2.5 | round
3.5 | round
2.675 | round(2)
1234.5678 | round(-2)
2.1 | round(0, 'ceil')
2.9 | round(0, 'floor')
2.55 | round(1, 'ceil')
5 | round
25 | round(-1)
15 | round(-1)
2.5 | round(0, 'up')
missing | default('x')
empty | default('x')
empty | default('x', true)
none | default('x')
none | d('x', boolean=true)
missing | default
name | replace('a', 'o')
name | replace('a', 'o', 1)
123 | replace(2, 9)
text | wordcount
uni | wordcount
"ab" | center(6) ~ '|'
"a\\nb\\n\\nc" | indent
"a\\nb\\n\\nc" | indent(2, true)
"a\\nb\\n\\nc" | indent(2, blank=true)
"a\\nb" | indent('> ')
long | truncate(15)
long | truncate(15, true)
long | truncate(15, false, '!')
long | truncate(30)
long | truncate(15, leeway=30)
"%s-%s" | format(1, 'b')
"%(x)s" | format(x=3)
numbers | batch(2) | list
numbers | batch(2, 0) | list
numbers | slice(2) | list
numbers | slice(3, 'x') | list
people | groupby('age') | list | length
people | groupby('age') | map(attribute='grouper') | list
people | groupby('age') | map('first') | list
(people | groupby('age'))[0].list | length
1000000 | filesizeformat
1234 | filesizeformat(true)
1 | filesizeformat
500 | filesizeformat
"a b/c?d=é" | urlencode
{'a': 'b c', 'x': 1} | urlencode
people[0] | attr('name')
name | attr('upper') is callable
n | nosuch
n is nosuch
1 is odd
2 is even
9 is divisibleby 3
9 is divisibleby(2)
1.5 is odd
"a" is odd
1 is number
true is number
true is integer
1 is integer
1.0 is float
1 is float
"a" is string
[1] is sequence
"a" is sequence
d is sequence
5 is sequence
d is mapping
[1] is mapping
[1] is iterable
5 is iterable
"a" is iterable
missing is iterable
range is callable
name is callable
missing is callable
yes is true
yes is boolean
no is false
1 is true
"abc" is lower
"ABC" is upper
1 is eq 1
1 is equalto(1)
1 is ne 2
2 is gt 1
1 is lt 2
2 is ge 2
2 is le 1
1 is in [1, 2]
'a' is in 'abc'
1 is not in([2])
none is sameas none
1 is sameas 1
1 is sameas true
'upper' is filter
'nosuch' is filter
'odd' is test
1 is not none
name is string and n is number
not name is string
name is string == true
range(3) | list
range(1, 4) | list
range(10, 0, -3) | list
range(3)
range(5)[2]
range(0) | list
range(3) | length
2 in range(3)
range(1, 10, 0)
range(200000) | list
range(2.5) | list
range(3) is sequence
dict(a=1, b='x')
dict([['a', 1]], b=2)
dict(d, z=1).z
{'a': 1, 'a': 2}
{1: 'x'}[1]
{(1, 2): 'x'}[(1, 2)]
{[1]: 2}
namespace(a=1).a
namespace(a=1)
namespace(a=1).b is defined
namespace(_a=1)
joiner(', ')()
cycler('a', 'b').next()
raise_exception('no')
nosuchfunction()
name()
d.nosuch()
numbers.nosuch()
'a' 'b' "c"
'it\\'s'
"tab\\tnew\\nline"
'\\u00e9\\x41\\101'
'\\q'
'\\\\'
"\U0001F600"
[1, 2.0, 'it\\'s', "q\\"q", none, true, missing]
['\\n\\x00é\\u200b']
{'a': [1, (2,), ()], 'b': {}}
()
(1,)
[1, 2,]
{'a': 1,}
[[1, 2], [3]]
true
False
None
not true
-n
+n
- -n
-missing
-"a"
n.foo.bar
n is defined is true
(1, 2
1 +
)
name |
| upper
a b
'unclosed
[1, 2
{'a' 1}
1 ~
*x
name.
n == 7 and name == "Ada Lovelace"
numbers | sort | first ~ '-' ~ numbers | sort | last
-numbers | first
-5 | abs
(-5) | abs
"a" ~ "b" | upper
1 + 2 | string
not missing | default(true)
1 < 2 == true
[1, 2, 3] | select('in', [1, 3]) | list
people | map(attribute='name') | map('lower') | sort | join('/')
people | selectattr('name', 'in', ['Bo', 'Cy']) | map(attribute='age') | sum
"a,b;c".split(',') | map('upper') | join('+')
numbers | map('string') | join
[1, [2, [3, [4]]]] | string
d.nested.x | last | tojson
{'a': none} | tojson
numbers[n - 7]
numbers[-1 - 1]
name[n:]
name[:-n]
"abc"[1:][0]
loop
caller
""".strip("\n").split("\n")

STATEMENTS = [
    "plain text",
    "line\n",
    "line\n\n",
    "a\r\nb\rc",
    "{{ '{{' }} {% raw %}{{ x }} {% if %}{% endraw %} done",
    "a {%- raw -%}  {{ y }}  {%- endraw -%} b",
    "  {% raw %}\n x\n  {% endraw %}\n y",
    "a {# comment #} b",
    "a {#- comment -#} b",
    "a\n  {# comment #}\nb",
    "{# never closed",
    "{% raw %} never closed",
    "{{ n",
    "{% if n",
    "{{ }}",
    "{% %}",
    "{{ n }}\n{{ n }}\n",
    "  {% if yes %}\n  in\n  {% endif %}\n  out",
    "  {%+ if yes %}\n  in\n  {%+ endif %}\n  out",
    "  {% if yes +%}\n  in\n  {% endif +%}\n  out",
    "  {%- if yes -%}\n  in\n  {%- endif -%}\n  out",
    "x  {{- n -}}  y",
    "x  {{ n }}\n\n  y",
    "\t{% set x = 1 %}\n{{ x }}",
    "a  {% set x = 1 %}  b",
    "a\n\n   {%- set x = 1 -%}   \n\nb",
    "{{-1}} {{+1}}",
    "{{ {'a': {'b': 1}} }}",
    "{{ {'a': {'b': 1}}['a']['b'] }}",
    "{%if yes%}t{%endif%}",
    "{% if no %}a{% elif n == 7 %}b{% else %}c{% endif %}",
    "{% if no %}a{% elif no %}b{% else %}c{% endif %}",
    "{% if n %}{% if no %}x{% else %}y{% endif %}{% endif %}",
    "{% if yes: %}t{% endif %}",
    "{% if yes %}unclosed",
    "{% endif %}",
    "{% else %}",
    "{% nosuchtag %}",
    "{% if yes %}{% endfor %}",
    "{% for x in numbers %}{{ x }},{% endfor %}",
    "{% for x in numbers %}{{ loop.index }}/{{ loop.index0 }}/{{ loop.revindex }}/{{ loop.revindex0 }}/{{ loop.first }}/{{ loop.last }}/{{ loop.length }} {% endfor %}",
    "{% for x in numbers %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }} {% endfor %}",
    "{% for x in numbers %}{{ loop.previtem is defined }} {{ loop.nextitem is defined }} {% endfor %}",
    "{% for x in numbers if x > 1 %}{{ loop.index }}:{{ x }}:{{ loop.last }}:{{ loop.length }} {% endfor %}",
    "{% for x in numbers if x > 100 %}{{ x }}{% else %}none{% endfor %}",
    "{% for x in [] %}x{% else %}empty{% endfor %}",
    "{% for x in missing %}x{% else %}empty{% endfor %}",
    "{% for x in none %}x{% endfor %}",
    "{% for x in 5 %}x{% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}",
    "{% for k in d %}{{ k }};{% endfor %}",
    "{% for a, b in pairs %}{{ a }}{{ b }}{% endfor %}",
    "{% for a, b in numbers %}{{ a }}{% endfor %}",
    "{% for a, b in [[1, 2, 3]] %}{{ a }}{% endfor %}",
    "{% for (a, b), c in [[[1, 2], 3]] %}{{ a }}{{ b }}{{ c }}{% endfor %}",
    "{% for c in 'añb' %}{{ c }}.{% endfor %}",
    "{% for x in 1, 2, 3 %}{{ x }}{% endfor %}",
    "{% for x in numbers | sort %}{{ x }} {% endfor %}",
    "{% for x in numbers %}{% for y in [1, 2] %}{{ loop.index }}{{ loop.length }} {% endfor %}{{ loop.index }};{% endfor %}",
    "{% for x in numbers %}{{ loop.cycle('a', 'b') }}{% endfor %}",
    "{% for x in [1, 1, 2, 2] %}{{ loop.changed(x) }} {% endfor %}",
    "{% for x in numbers %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in numbers %}{% if x == 2 %}{% continue %}{% endif %}{{ x }}{% endfor %}",
    "{% for x in [1] %}{% continue %}{% else %}E{% endfor %}",
    "{% for x in [1] %}{% break %}{% else %}E{% endfor %}",
    "{% for x in [1, 2] %}{% if loop.last %}{% break %}{% endif %}{% else %}E{% endfor %}",
    "{% break %}",
    "{% for x in [1] %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
    "{% for x in numbers %}{% set y = x %}{% endfor %}{{ y }}",
    "{% set y = 0 %}{% for x in numbers %}{{ y }}{% set y = x %}{{ y }} {% endfor %}{{ y }}",
    "{% set ns = namespace(t=0) %}{% for x in numbers %}{% set ns.t = ns.t + x %}{% endfor %}{{ ns.t }}",
    "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a }}{{ ns.b }}",
    "{% set ns.x = 1 %}",
    "{% set d.x = 1 %}",
    "{% set ns = namespace(seen=[]) %}{% for x in [1, 1, 2] if x not in ns.seen %}{% set ns.seen = ns.seen + [x] %}{{ x }}{% endfor %}",
    "{% for x in [1, 2, 3] recursive %}{{ x }}{% if x < 3 and loop.depth < 3 %}({{ loop([x + 1]) }}){% endif %}{% endfor %}",
    "{% for x in [1] %}{{ loop.depth }}{{ loop.depth0 }}{% endfor %}",
    "{% for x in [1] %}{{ loop([1]) }}{% endfor %}",
    "{% for loop in [1] %}x{% endfor %}",
    "{% for x in numbers %}{{ x }}",
    "{% for x numbers %}{% endfor %}",
    "{% set a = 1 %}{% set b = a + 1 %}{{ a }}{{ b }}",
    "{% set a, b = 1, 2 %}{{ a }}{{ b }}",
    "{% set a, b = [1] %}",
    "{% set t = 1, 2 %}{{ t }}",
    "{% set (a, b) = pairs[0] %}{{ a }}{{ b }}",
    "{% set x %}hello {{ name }}{% endset %}[{{ x }}]",
    "{% set x | upper | trim %} hello {% endset %}[{{ x }}]",
    "{% set x | replace('l', 'L') %}hello{% endset %}[{{ x }}]",
    "{% set name = 'new' %}{{ name }}",
    "{% set name = name ~ '!' %}{{ name }}",
    "{% set true = 1 %}",
    "{% set 1 = 1 %}",
    "{% set a.b.c = 1 %}",
    "{% set x = 1 if no %}{{ x is defined }}",
    "{% if no %}{% set q = 1 %}{% endif %}{{ q is defined }}",
    "{% if yes %}{% set q = 1 %}{% endif %}{{ q }}",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}",
    "{% set a = 5 %}{% with a = 1, b = a %}{{ a }}{{ b }}{% endwith %}{{ a }}",
    "{% with %}{% set z = 1 %}{{ z }}{% endwith %}{{ z is defined }}",
    "{% macro m(a, b=2, c='x') %}{{ a }}{{ b }}{{ c }};{% endmacro %}{{ m(1) }}{{ m(1, 5) }}{{ m(1, c='y') }}{{ m(a=9) }}",
    "{% macro m(a) %}[{{ a }}]{% endmacro %}{{ m() }}{{ m() | length }}",
    "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(missing) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(b=2) }}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, a=2) }}",
    "{% macro m(a, b=a) %}{{ a }}{{ b }}{% endmacro %}{{ m(1) }}",
    "{% macro m(a=1, b) %}{% endmacro %}",
    "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}",
    "{% macro m(a) %}{{ a }}{{ varargs | length }}{% endmacro %}{{ m(1, 2, 3) }}",
    "{% macro m(a, b) %}{{ a }}-{{ b }}{% endmacro %}{{ m(*[1, 2]) }} {{ m(**{'a': 3, 'b': 4}) }}",
    "{% macro fact(k) %}{{ 1 if k <= 1 else k * fact(k - 1) | int }}{% endmacro %}{{ fact(5) }}",
    "{% macro a() %}{{ b() }}{% endmacro %}{% macro b() %}late{% endmacro %}{{ a() }}",
    "{% macro a() %}{{ v }}{% endmacro %}{% set v = 1 %}{{ a() }}{% set v = 2 %}{{ a() }}",
    "{% set v = 1 %}{% macro a() %}{{ v }}{% set v = 5 %}{{ v }}{% endmacro %}{{ a() }}{{ v }}",
    "{% macro a() %}{{ loop is defined }}{% endmacro %}{% for x in [1] %}{{ a() }}{% endfor %}",
    "{% macro a() %}  x  {% endmacro %}[{{ a() | trim }}]",
    "{% macro a() %}x{% endmacro %}{{ a.name }}{{ a.arguments }}",
    "{% macro a() %}x{% endmacro %}{{ a }}",
    "{% macro a(x) -%}\n  {{ x }}\n{%- endmacro %}{{ a(1) ~ a(2) }}",
    "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "{% for i in [1, 2] %}{% macro q() %}{{ i }}{% endmacro %}{{ q() }}{% endfor %}",
    "{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}in{{ n }}{% endcall %}",
    "{% macro w() %}<{{ caller(1, b=2) }}>{% endmacro %}{% call(a, b) w() %}{{ a }}{{ b }}{% endcall %}",
    "{% macro w() %}x{% endmacro %}{% call w() %}in{% endcall %}",
    "{% macro w() %}{{ caller is defined }}{% endmacro %}{{ w() }}",
    "{% macro w() %}{{ caller() }}{% endmacro %}{{ w() }}",
    "{% macro w(x) %}{{ x }}{{ caller() }}{% endmacro %}{% for i in [1, 2] %}{% call w(i) %}({{ i }}){% endcall %}{% endfor %}",
    "{% call 5 %}{% endcall %}",
    "{% filter upper %}hello {{ name }}{% endfilter %}",
    "{% filter replace('a', 'b') | upper %}banana{% endfilter %}",
    "{% filter nosuch %}x{% endfilter %}",
    "{% generation %}gen {{ n }}{% endgeneration %}",
    "{% generation %}\n  text\n{% endgeneration %}\nafter",
    "{% print 1, 'a' %}",
    "{% set j = joiner(', ') %}{% for x in [1, 2, 3] %}{{ j() }}{{ x }}{% endfor %}",
    "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.reset() }}{{ c.current }}",
    "{{ raise_exception('stop ' ~ n) }}",
    "{% if no %}{{ raise_exception('x') }}{% endif %}ok",
    "{% if no %}{{ n | nosuch }}{% endif %}ok",
    "{% for x in [] %}{{ n | nosuch }}{% endfor %}ok",
    "{% if no %}{% for x in [] %}{{ n | nosuch }}{% endfor %}{% endif %}ok",
    "{% include 'x' %}",
    "{% extends 'x' %}",
    "{% import 'x' as y %}",
    "{% set gen = numbers | map('string') %}{{ gen | join }}{{ gen | join }}",
    "{% set gen = numbers | select('odd') %}{{ 'T' if gen else 'F' }}{{ gen | list }}",
    "{% for p in people %}{{ p.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
    "{% for p in people | selectattr('age', 'gt', 26) %}{{ p.name }}{{ loop.length }}{% endfor %}",
    "{% for g in people | groupby('age') %}{{ g.grouper }}:{% for p in g.list %}{{ p.name }} {% endfor %}{% endfor %}",
    "{% for city, ps in people | groupby('city.zip') %}{{ city }}{{ ps | length }}{% endfor %}",
    "{% for row in numbers | batch(2) %}{% for x in row %}{{ x }} {% endfor %}|{% endfor %}",
    "{% for k, v in d | dictsort %}{{ k }}{{ v }}{% endfor %}",
    "{% for k, v in d | items %}{{ k }}{% endfor %}",
    "{% for i in range(3) %}{{ i }}{{ loop.last }}{% endfor %}",
    "{% for i in range(3, 0, -1) %}{{ i }}{% endfor %}",
    "{% for m in numbers[::-1] %}{{ m }}{% endfor %}",
    "{% for x in numbers | reverse %}{{ x }}{{ loop.length }} {% endfor %}",
    "{% set messages = [{'role': 'user', 'content': 'hi'}] %}{{ messages[0]['role'] }}{{ messages[0].content }}{{ messages[-1].role == 'user' }}",
    "{% set x = [] %}{% set x = x + [1] %}{{ x }}",
    "{% set x = {'a': 1} %}{% set x = dict(x, b=2) %}{{ x }}",
    "{% set x = namespace(v=none) %}{% if x.v is none %}{% set x.v = 'set' %}{% endif %}{{ x.v }}",
    "{% set x = 'a' %}{% set y %}{% set x = 'b' %}{{ x }}{% endset %}{{ x }}{{ y }}",
    "é {{ 'ü' }} {% set ö = 1 %}{{ ö }}",
    "{{ n }}{# a #}{# b #}{{ n }}",
    "{{ '%}' }}{{ '}}' }}{% set x = '%}' %}{{ x }}",
    "{{ \"{%\" }}{{ '{#' }}",
    "{ {{ n }} } { % }",
    "{{ n }}{",
    "{%- set x -%} a {%- endset -%} [{{ x }}]",
    "   {{ n }}   \n   {%- if yes %}  \n A {% endif -%}  \n B",
    "{% if yes %}\n\n  A\n\n{% endif %}\n\nB",
    "{% for x in [1, 2] %}\n  {{ x }}\n{% endfor %}\nend",
    "{% for x in [1, 2] -%}\n  {{ x }}\n{%- endfor %}\nend",
    "<|x|>{% if yes %}\n<|y|>{% endif %}\n",
    "{{ 'a\nb' }}",
    "{{ 'a\\\nb' }}",
    "{% set s = 'x' * 3 %}{{ s ~ s }}",
    "{{ (numbers | sort)[0] }}{{ (numbers | length) * 2 }}",
    "{{ numbers|length > 3 and numbers|first == 3 }}",
    "{{ 'yes' if 'name' in people[0] and people[0]['name'] is string else 'no' }}",
    "{{ people[0].tags[1] if people[0].tags is defined and people[0].tags | length > 1 else 'x' }}",
    "{{ ' '.join(words | map('lower') | list) }}",
    "{{ ', '.join(words | map('lower')) }}",
    "{{ x.y.z }}",
    "{{ d.x.y }}",
    "{{ d['x']['y'] }}",
    "{{ (d.x | default({})).y }}",
    "{{ d.x is defined and d.x.y }}",
    "{{ not d.x }}",
    "{{ n.__class__.__mro__ }}",
    "{{ ''.__class__.mro() }}",
    "{{ namespace(a=1).__init__ }}",
    "{{ 10 | string | length }}{{ 'a' | string == 'a' }}",
    "{{ 1.0 }} {{ 100.0 }} {{ 1e5 }} {{ 1.0 | string }} {{ 1.0 | int }}",
    "{{ true }} {{ none }} {{ [true, none] }}",
    "{{ 3 | float }} {{ '3' | float }} {{ 3.0 == 3 }}",
]

SNIPPETS = ["{{ " + e + " }}" for e in EXPRESSIONS] + STATEMENTS
