check-overlap = Територія, яку показують обидва знімки
check-match = Місця, де знімки збігаються
check-residual = Похибка суміщення
check-gsd_ratio = Відношення розмірів пікселів
check-sun_elevation_difference = Різниця висоти Сонця
check-sun_elevation_least = Менша з двох висот Сонця
check-sun_azimuth_difference = Різниця азимута Сонця
check-view_difference = Різниця кутів зйомки
check-day_of_year = Різниця дат у межах року (для рослинності)
check-snow = Сніг на будь-яку з дат
check-cloud_smoke = Хмари й дим
check-radiometry = Кореляція кольорів там, де нічого не змінилося
check-pixel_size = Розмір пікселя (для будівель)
check-null = Будівлі або пікселі, на яких ґрунтується нульовий розподіл
check-separation = Відстань зруйнованого від незміненого
check-vegetation = Відокремлюваність рослинності
check-captions = Підписи, логотипи, знімки поруч в одному файлі
check-saturated = Де сенсор був засвічений
check-footprints = Краї вздовж контурів будівель, стандартних похибок понад випадкове
check-control = Контрольна пара

verdict-ok = пройдено
verdict-degraded = з обмеженнями
verdict-refused = відмовлено
verdict-unknown = невідомо

check-unit-px = пікс.
check-unit-m = м
check-degrees = { $value }°
check-unit-days = дн.
check-unit-spreads = σ

limit-at-least = щонайменше { $ok }
limit-at-least-refused = щонайменше { $ok }; відмова нижче { $refuse }
limit-at-most = не більш як { $ok }
limit-at-most-refused = не більш як { $ok }; відмова вище { $refuse }

said-within = у межах допустимого
said-unknown = із вхідних даних невідомо

footprints-given = Полігонів у файлі
footprints-analysed = Проаналізовано контурів
footprints-repaired = Виправлено полігонів
footprints-moved = Контурів, пересунутих на дахи
footprints-shift = Медіанний зсув
footprints-shift-value = { $east } м на схід, { $north } м на північ
footprints-shift-p90 = Зсув, який перевищує кожен десятий
footprints-edges = Краї йдуть уздовж контурів (0 — як випадково, 1 — усюди)
footprints-edges-value = { $given } як задано, { $aligned } після зсуву
