# Сторінка багатьох міст.

towns-title = { $title } – багато міст, changedet
towns-skip = Перейти до міст
towns-kicker = Зміни в багатьох містах, у кожному — між двома знімками
towns-no-title = Багато міст

towns-none = Тут немає міст
towns-none-text = У переліку їх немає.
towns-all-compared = { $total ->
    [one] Порівняно { $total } місто з { $total }
    [few] Порівняно всі { $total } міста
   *[many] Порівняно всі { $total } міст
  }
towns-all-compared-text = Кожне має показники або пояснення, чому їх не заявлено.
towns-without = { $count ->
    [one] { $count } місто з { $total } не має показників
    [few] { $count } міста з { $total } не мають показників
   *[many] { $count } міст із { $total } не мають показників
  }
towns-without-text = Їх немає в жодному показнику, графіку чи підсумку цієї сторінки. Причини:
towns-forced = { $count ->
    [one] { $count } місто з { $total } порівняно примусово: не публікуйте його показників
    [few] { $count } міста з { $total } порівняно примусово: не публікуйте їхніх показників
   *[many] { $count } міст із { $total } порівняно примусово: не публікуйте їхніх показників
  }
towns-forced-text = Пару визнано непорівнянною. У підсумках її немає. Причини:
towns-care = { $count ->
    [one] { $count } місто з { $total } потребує обережності
    [few] { $count } міста з { $total } потребують обережності
   *[many] { $count } міст із { $total } потребують обережності
  }
towns-care-text = Показники стверджують менше, ніж звичайно. Причини:
towns-more = ще { $count }
towns-no-reason = причини не вказано

towns-status-ok = Порівняно
towns-status-degraded = Обережно
towns-status-forced = Примусово
towns-status-refused = Відмовлено
towns-status-failed = Не вдалося

towns-in-short = Коротко
towns-with-figures = Міста з показниками
towns-with-figures-detail = із { $total }; відмовлено: { $refused }, не вдалося: { $failed }
towns-total-built = Забудову зруйновано, усі міста
towns-total-vegetation = Рослинність утрачено, усі міста
towns-total-buildings = Зруйновано будівель, усі міста
towns-total-of = { $towns ->
    [one] у { $towns } місті, де заявлено цю втрату
    [few] у { $towns } містах, де заявлено цю втрату
   *[many] у { $towns } містах, де заявлено цю втрату
  }, із { $total } з показниками
towns-total-buildings-of = { $towns ->
    [one] у { $towns } місті, де оцінено контури
    [few] у { $towns } містах, де оцінено контури
   *[many] у { $towns } містах, де оцінено контури
  }, із { $total } з показниками
towns-total-range = діапазон { $range }: суми всіх меж
towns-total-note = У підсумках лише міста, де втрату заявлено; місто, де її не заявлено, — це не нуль. Те, що завищує показник одного міста (пора року, освітлення, поріг), може так само діяти на всі, тож інтервали не є незалежними: діапазон — це сума всіх нижніх і сума всіх верхніх меж, а не вужчий.
towns-same-ground = Підсумків немає: «{ $one }» і «{ $two }» лежать на тій самій місцевості, яку було б пораховано двічі.
towns-no-totals = Підсумків немає: у жодному місті не заявлено втрати в гектарах.

towns-table = Місто за містом
towns-filter = Знайти місто
towns-status = Стан
towns-any = Будь-який
towns-sort = Упорядкувати за
towns-descending = Спершу найбільші
towns-name = Місто
towns-dates = Дати
towns-built = Забудову зруйновано
towns-built-share = Частка забудови
towns-vegetation = Рослинність утрачено
towns-vegetation-share = Частка рослинності
towns-buildings = Зруйновано будівель
towns-hidden = Не оцінено
towns-rmse = СКП
towns-of = із { $total }
towns-bar = Смужка під показником — його модельний інтервал на шкалі від 0 до 100 % того, що було до події, крапка — центральний показник. СКП: середня квадратична похибка суміщення за зв’язковими точками, яких не використано в припасуванні.
towns-not-measured = не виміряно
towns-nothing-before = раніше не було
towns-no-scale = без масштабу
towns-previous = Назад
towns-next = Далі
towns-shown = { $n } із { $total } міст
towns-page = Сторінка { $n } із { $total }
towns-nothing-found = Жодне місто не відповідає фільтру.

towns-plot = Втрати та їхні інтервали
towns-plot-text = Гектари. Крапка: центральний показник; смужка: модельний інтервал; порожня смужка без крапки: втрату не заявлено. У порядку таблиці.
towns-plot-built = Забудову зруйновано, га
towns-plot-vegetation = Рослинність утрачено, га

towns-map = Де лежать міста
towns-map-alt = { $drawn ->
    [one] Розташування { $drawn } міста
    [few] Розташування { $drawn } міст
   *[many] Розташування { $drawn } міст
  } на сітці довготи й широти
towns-map-text = Колір — частка зруйнованої забудови; карти-підкладки немає, тож нічого не завантажується. Міста, що лежать надто близько, мають спільну позначку з найбільшою часткою. Міст без показників не нанесено.
towns-map-claimless = втрату не заявлено
towns-north = { $degrees }° пн. ш.
towns-south = { $degrees }° пд. ш.
towns-east = { $degrees }° сх. д.
towns-west = { $degrees }° зх. д.

towns-pictures = Малі карти
towns-picture-alt = { $name }: втрати поверх знімка «після»
towns-pictures-text = Знімок «після», зменшений і блідий, з обома видами втрат; інших змін не показано. Надто грубо, щоб судити про окремі будинки: їх показує звіт міста.

towns-limits = Обмеження
towns-limit-compare = Міста відрізняються якістю знімків, порою року та контурами. Порівнюйте інтервали, а не лише центральні показники.
towns-limit-overlap = Якщо міста не мають геоприв’язки, невідомо, чи вони перекриваються.
towns-files = Поруч із цією сторінкою
towns-files-csv = по рядку на кожне місто: усі показники й причини
towns-files-gpkg = контури міст із показниками для QGIS та інших ГІС
towns-files-json = те саме для програм
towns-made-by = Створено changedet { $version }.
towns-complete = Ця сторінка нічого нізвідки не завантажує і нічого не надсилає; посилання ведуть до тек поруч.
