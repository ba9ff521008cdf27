# Дати.

# Числа.
over = понад { $limit }
less-than-one = <1

# Під кожною картинкою.
credit-dates = Знімок до: { $before } · знімок після: { $after }
credit-grid = { $crs }, північ за координатною сіткою
credit-imagery = Знімки: { $credit }
credit-owner = Знімки: зазначте їхнього власника

# Масштаб і північ.
scale-metres = { $length } м
scale-kilometres = { $length } км
no-scale = масштаб невідомий
north = Пн

# Назви картинок.
figure-before = До · { $date }
figure-after = Після · { $date }
figure-classes = Класи змін поверх знімка після
figure-buildings = Будівлі за ступенем пошкодження поверх знімка після
figure-pixel-change = Ознаки спектральних змін (колір і яскравість)
figure-structural-change = Ознаки структурних змін (форми та краї)
figure-index = Зміна { $index }
figure-checkerboard = Шахівниця (блакитне: після)
figure-displacement = Зміщення
figure-residuals = Залишкові відхилення зв’язкових точок разом із шумом кожної

# Легенди й примітки.
evidence-low = 0: як там, де нічого не змінилося
evidence-high = 1: значно більше
not-judged = не оцінено
not-known-here = невідомо
index-difference = індекс { $after } мінус індекс { $before }, безрозмірний
grade-count = { $grade } ({ $number })
used-in-fit = ужито для моделі
left-out-of-fit = залишено для перевірки
tie-point-rejected = відхилено
no-tie-points = зв’язкових точок немає
displacement-note = лінія від кожної точки: куди її зміщено на знімку після, збільшено; найдовша десята частина — понад { $length } пікс.
extrapolated-note = заштриховано: зв’язкових точок поблизу немає, екстрапольовано
axis-residual = залишкове відхилення, пікселі повного знімка
axis-tie-points = зв’язкові точки
model-error = { $name } моделі: { $error } пікс.
score-structural = Ознаки структурних змін на забудові
score-pixel = Ознаки спектральних змін
score-pair = ця пара
score-null = де нічого не змінилося (нульовий розподіл)
score-threshold = поріг
threshold-at = поріг { $value }
axis-score = оцінка
axis-share-log = частка, логарифмічна шкала
loss-built-area = Забудову зруйновано
loss-vegetation = Рослинність утрачено
cell-share = % від того, що було до
worst-cells = Комірки з найбільшими втратами
cell-loss = { $area } ({ $share })
axis-lost-hectares = утрачено, га
axis-lost-percent = утрачено, %

# Де на картинці.
place-upper-left = угорі ліворуч
place-upper-middle = угорі посередині
place-upper-right = угорі праворуч
place-middle-left = посередині ліворуч
place-centre = у центрі
place-middle-right = посередині праворуч
place-lower-left = унизу ліворуч
place-lower-middle = унизу посередині
place-lower-right = унизу праворуч

# Текстові описи.
alt-before-after = Знімок до ({ $before }) і знімок після ({ $after }) того самого місця; знімок після суміщено із сіткою знімка до. { $share } картинки має дані на обидві дати.
alt-before = Лише знімок до, картинка завбільшки з карту у звіті.
alt-evidence-spectral = Карта ознак спектральних змін від 0 (як там, де нічого не змінилося) до 1 (значно більше).
alt-evidence-structural = Карта ознак структурних змін від 0 (як там, де нічого не змінилося) до 1 (значно більше).
alt-nothing-judged = Нічого не вдалося оцінити.
alt-evidence-high = { $share } оціненого має понад 0,5.
alt-evidence-high-where = { $share } оціненого має понад 0,5; найбільше цього { $where }.
alt-not-judged = { $share } картинки не вдалося оцінити.
alt-indices = Карти зміни спектральних індексів: після мінус до.
alt-index-unknown = { $name }: ніде не відомо.
alt-index = { $name }: медіана { $median }, дев’ять десятих між { $low } і { $high }.
alt-index-where = { $name }: медіана { $median }, дев’ять десятих між { $low } і { $high }, найбільше падіння { $where }.
alt-classes = Карта класів поверх знімка після.
alt-nothing-analysed = Нічого не проаналізовано.
alt-of-analysed = З проаналізованої частини картинки: { $said }.
alt-no-change = ніде немає видимих змін
alt-class-built-area-destroyed = забудову зруйновано — { $share }, найбільше { $where }
alt-class-vegetation-lost = рослинність утрачено — { $share }, найбільше { $where }
alt-class-other-change = інша зміна — { $share }, найбільше { $where }
alt-class-vegetation-gained = рослинність з’явилася — { $share }, найбільше { $where }
alt-not-analysed = { $share } картинки не проаналізовано.
alt-buildings = Контури будівель за ступенем пошкодження поверх знімка після.
alt-buildings-graded =
    Контури { $total ->
        [one] { $total } будівлі
        [few] { $total } будівель
       *[many] { $total } будівель
    } за ступенем пошкодження поверх знімка після: { $grades }.
alt-grade-destroyed = зруйновано — { $number }
alt-grade-damaged = пошкоджено — { $number }
alt-grade-possibly-damaged = можливо пошкоджено — { $number }
alt-grade-no-visible-damage = без видимих пошкоджень — { $number }
alt-grade-not-analysed = не проаналізовано — { $number }
alt-registration-unknown = Шахівниця з обох знімків; відомостей про суміщення немає.
alt-registration =
    Три картинки суміщення: шахівниця з обох знімків, лінії зміщення у { $drawn ->
        [one] { $drawn } зв’язковій точці
        [few] { $drawn } зв’язкових точках
       *[many] { $drawn } зв’язкових точках
    } та гістограма їхніх залишкових відхилень.
alt-registration-error = Прийнято зв’язкових точок: { $inliers } з { $points }; оцінена похибка моделі: { $rmse } (RMSE), для 90 % — не більше { $ce90 } (CE90).
alt-scores = Гістограми оцінок поруч із тим, якими вони є там, де нічого не змінилося.
alt-score-no-threshold = { $label }: поріг не встановлено.
alt-score-no-null = { $label }: поріг { $threshold }, вище нього { $share }; нульового розподілу немає.
alt-score = { $label }: поріг { $threshold }, вище нього { $share } проти { $null } там, де нічого не змінилося.
alt-cells =
    Карти й стовпчики: { $number ->
        [one] { $number } комірка
        [few] { $number } комірки
       *[many] { $number } комірок
    }.
alt-cell-worst = { $loss }: найбільше в комірці { $cell } ({ $size }).

# Чому будівля отримала свою оцінку.
building = Будівля { $id }. { $why }
building-why = { $grade }: { $alike }, { $order }; { $said }.
building-why-not-graded = { $grade }: { $reason }.
building-why-not-separable = імовірність, що зруйновано, — { $destroyed } за апріорної { $prior }, але зруйновані й незмінені будівлі на цій парі не розрізнити, тож нічого тяжчого не стверджується
building-why-destroyed = імовірність { $destroyed } за апріорної { $prior }
building-why-damaged = імовірність, що пошкоджено або зруйновано, — { $hurt }, що зруйновано — { $destroyed } за апріорної { $prior }
building-why-too-many-intact = імовірність, що пошкоджено або зруйновано, — { $hurt }, але з усіх будівель, позначених від цього значення, понад { $rate } були б цілими
building-why-possibly = імовірність, що пошкоджено або зруйновано, — { $hurt }: замало для певності (потрібно від { $least })
building-why-intact = імовірність, що пошкоджено або зруйновано, — { $hurt }, менше за { $least }
alike-hardly = схожість ледь більша, ніж у не пов’язаних місць ({ $own } розкиду над випадковою, у незмінених будівель { $usual })
alike-less = схожість значно менша, ніж у незмінених будівель ({ $own } розкиду над випадковою, у незмінених { $usual })
alike-little = схожість трохи менша, ніж у незмінених будівель ({ $own } розкиду над випадковою, у незмінених { $usual })
alike-as = схожість така сама, як у незмінених будівель ({ $own } розкиду над випадковою, у незмінених { $usual })
order-lost = упорядкованість утрачено ({ $lost } розкиду)
order-part = упорядкованість частково втрачено ({ $lost } розкиду)
order-kept = упорядкованість збережено (утрачено { $lost } розкиду)
unseen-both = не видно на обох знімках
unseen-small = замала для цього розміру пікселя
unseen-white = засвічено або під снігом
unseen-cloud = під хмарою або димом
unseen-pixels = пікселі завеликі, щоб побачити, чи стоїть будівля
unseen-below = менша за { $area } м²
building-lines = суцільна лінія: контур; штрихова: що порівнювали
building-lines-wide = ширина { $wide }; суцільна лінія: контур, штрихова: що порівнювали
measure-similarity = Схожість
measure-similarity-unit = у розкидах над не пов’язаними місцями
measure-order = Втрата впорядкованості
measure-order-unit = у розкидах незмінених будівель
measure-destroyed = Імовірність, що зруйновано
measure-damaged = Імовірність, що пошкоджено або зруйновано
measure-probability-unit = за моделлю, не калібровано
mark-unrelated = не пов’язані
mark-unchanged = незмінені
mark-destroyed = зруйновано
mark-damaged = пошкоджено
mark-possibly-damaged = можливо пошкоджено
this-building = ця будівля
axis-buildings = будівлі
