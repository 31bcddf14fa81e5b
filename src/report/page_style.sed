# page.css as a string in C.
s/[\\"]/\\&/g
s/.*/"&\\n"/
1i #include "report/html.h"\nconst char html_style[] =
$a ;
